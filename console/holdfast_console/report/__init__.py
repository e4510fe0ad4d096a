"""The report of a sale as a document: within the console, and on its own to print and keep."""
