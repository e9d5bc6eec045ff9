"""Turn hold episodes into samples: what was known at the hold, and what came of it."""
