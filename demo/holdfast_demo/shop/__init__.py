"""The storefront of the demo: a shop that knows the service by its API and its connector alone."""
