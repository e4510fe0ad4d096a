"""The console over HTTP: its routes, sessions in cookies, forms, and calls of the API."""
