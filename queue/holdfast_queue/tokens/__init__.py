"""Signed tokens of visitors: tickets, passes, hand-offs, identities."""
