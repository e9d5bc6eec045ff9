"""What happened in a run, as lines of JSON."""
