"""`holdfast orders`: finding, refunding and exporting the orders of a sale."""
