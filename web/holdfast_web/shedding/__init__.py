"""Refuses requests in an overload, the least important first, before they cost anything."""
