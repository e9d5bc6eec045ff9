"""An advisor and a log -> answers about held jobs: whose matter it is, what to do, and the doing of it."""
