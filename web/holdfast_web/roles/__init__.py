"""The roles that divide the endpoints, and the routes that are added for them."""
