"""What a request says, bounded and checked while it is read."""
