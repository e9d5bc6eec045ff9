"""A run is shown elsewhere: in TensorBoard's files, in Weights & Biases. The run itself knows nothing of it."""
