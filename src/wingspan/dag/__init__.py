"""DAG files of DAGMan, other people's too: read, drawn, and timed by their log."""
