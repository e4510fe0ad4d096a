"""The client of the store: addresses, connections, batches, and which server gets which call."""
