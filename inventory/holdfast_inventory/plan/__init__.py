"""Seating plans: read, checked, and compiled into what seats are searched with."""
