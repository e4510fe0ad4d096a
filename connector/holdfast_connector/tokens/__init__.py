"""Signed tokens of a storefront: hand-offs, passes, sessions and identities, and their keys."""
