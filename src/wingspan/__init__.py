"""Machine-learning workflows on HTCondor."""
