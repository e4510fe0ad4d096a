"""The draw of a lobby's order: commitment, permutation, verification."""
