"""Holds of seats and areas, and the seat map of one sale."""
