"""The store that comes with the service."""
