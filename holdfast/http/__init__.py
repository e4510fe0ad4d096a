"""The application of a worker, and the service's own routes."""
