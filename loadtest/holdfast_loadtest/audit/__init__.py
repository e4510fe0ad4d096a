"""The audit of a sale: what it shows through the API, and checks that do not trust the service."""
