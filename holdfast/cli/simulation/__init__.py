"""`holdfast simulate`: simulations on the command line, and what they print and draw."""
