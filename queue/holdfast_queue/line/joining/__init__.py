"""Joining the line: limits by address, and the joins of a tick in one script call."""
