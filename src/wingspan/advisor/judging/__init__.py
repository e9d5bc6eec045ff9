"""Judge models on later slices, choose one, and keep it in a folder."""
