"""Declare a pipeline: values only, no files, no processes."""
