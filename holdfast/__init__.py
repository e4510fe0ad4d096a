"""Holdfast: a flash-sale queue service."""
