"""Pages about a run, two runs, a model or an event log, one HTML file each."""
