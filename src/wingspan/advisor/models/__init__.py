"""Samples -> models: rates, estimators and networks that tell whether a release pays."""
