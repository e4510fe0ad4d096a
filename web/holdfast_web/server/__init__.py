"""The connections of a worker: bounds and speed that aiohttp does not have.

The only place that uses names which aiohttp keeps to itself, or might change.
tests/web/server/test_aiohttp_internals.py lists them, and pyproject.toml bounds the version.
"""
