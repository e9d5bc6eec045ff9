"""Record what happens in a run, and mirror it to W&B and TensorBoard."""
