"""Models of whether a release pays: rates, estimators and networks."""
