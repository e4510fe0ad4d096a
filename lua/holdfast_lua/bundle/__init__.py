"""The script files made into what the store runs."""
