"""CSV -> clean -> prepare -> split -> train -> evaluate -> select -> deploy -> predict: plain functions on tables."""
