"""What operators ask about one visitor of a line."""
