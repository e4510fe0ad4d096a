"""What the pages of the service share: their static files, and the choice of a language."""
