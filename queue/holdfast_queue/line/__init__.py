"""The line of one sale in one process."""
