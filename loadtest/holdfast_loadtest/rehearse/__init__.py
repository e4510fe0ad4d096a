"""Rehearses a sale: a test sale like it, the crowd of a scenario, and the prediction beside it."""
