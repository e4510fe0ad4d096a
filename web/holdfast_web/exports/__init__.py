"""Documents of the API as the text of files to be saved."""
