"""Search for the parameters of a step: spaces, search, pruning, the study's journal. Nothing here runs a trial."""
