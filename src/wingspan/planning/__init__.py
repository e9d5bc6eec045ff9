"""From a declared pipeline to a plan: what each step is made of, and what is still to be done."""
