"""The command line: `holdfast <command>`, one module per command.

Commands are imported when they are asked for: `holdfast --help` stays instant, and a command whose
extra is not installed fails alone. To add one, write `holdfast/cli/<name>.py` with a click command
and add its line to `COMMANDS`.
"""

from holdfast.cli.group import main

__all__ = ["main"]
