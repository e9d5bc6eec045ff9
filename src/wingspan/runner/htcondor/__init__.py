"""A plan as a DAGMan workflow."""
