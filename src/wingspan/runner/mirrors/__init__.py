"""Show a run in TensorBoard's files and in Weights & Biases; the run does not depend on it."""
