"""Scenarios of the load test as TOML files: each is a world of the simulator and more."""
