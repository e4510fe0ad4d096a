"""The waiting room: the line, the draw, the tokens of visitors, and their routes."""
