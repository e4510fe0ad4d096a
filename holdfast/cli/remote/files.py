"""Writes files of commands; each gets its name when it is complete."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

output_option = click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; the standard output without it.",
)


@contextmanager
def part_of(output: Path) -> Iterator[Path]:
    """A file beside `output` to write to, which becomes `output` when the block ends well."""
    part = output.with_name(f"{output.name}.part")
    try:
        yield part
        part.replace(output)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
