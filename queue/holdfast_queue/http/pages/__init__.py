"""The waiting page: what a visitor sees while the line moves.

The page itself is static and cacheable; it sets and claims nothing. Its script joins and claims by
POST; a browser without scripts does the same with a form and the uncached `/place`.
"""
