"""`python -m holdfast`: the command line where the entry point is not on PATH."""

from holdfast.cli import main

main()
