"""Turn a declared pipeline into a plan: what each step is made of, and what must run."""
