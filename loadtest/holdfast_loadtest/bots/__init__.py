"""Attackers among the crowd: what they forge and replay, and what must come of it."""
