"""Answer questions about held jobs: where the fault lies, what to do, and how to do it."""
