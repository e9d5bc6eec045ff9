"""Train models of tables and predict with them, by plain functions."""
