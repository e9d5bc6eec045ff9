"""Episodes -> samples: what was known at the hold, as columns and tensors, and what came of it."""
