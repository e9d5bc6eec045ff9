"""Look at a plan against a pool before anything is submitted."""
