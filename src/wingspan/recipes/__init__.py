"""Ready pipelines made of Wingspan's own parts."""
