"""Writes dashboards and rules; with `--check` it names those that are out of date and fails."""

import sys

from holdfast_monitoring.files import stale, write


def main(arguments: list[str]) -> int:
    """Writes the files, or checks them."""
    if "--check" not in arguments:
        write()
        return 0
    for path in (found := stale()):
        print(f"{path} is out of date: run `make fmt`")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
