"""Periodic work for sales: each task supervised, none waiting for another sale's."""
