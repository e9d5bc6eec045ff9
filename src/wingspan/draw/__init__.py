"""Pictures as text: SVG and lines for the terminal, made from values and nothing else."""
