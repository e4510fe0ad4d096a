"""`holdfast sale arrivals`: when the visitors of a sale came, for simulations and load tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.files import part_of
from holdfast.cli.sale.argument import sale_argument


@click.command()
@sale_argument()
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: seconds from the opening, one a line.",
)
@remote_command
def arrivals(service: RemoteService, sale: str, output: Path) -> None:
    """Write down when the visitors of SALE came, to simulate them: `recorded` arrivals of a world.

    From the history of its figures, which is kept as long as the sale: how many joined in each of
    its steps, ten seconds or more. Within a step they are spread evenly.

    \b
    Examples:
      holdfast sale arrivals gala --output gala-times.txt
      holdfast simulate examples/worlds/concert.toml --times gala-times.txt
    """
    live = service.api.get(sale_path(sale, "live"), {"history": "sale"})
    opening = service.api.get(sale_path(sale)).get("event_start_time")
    times = list(joined_times(live["history"], opening))
    if not times:
        raise click.ClickException(f"nobody has joined {sale} yet, or its history is not kept")
    with part_of(output) as part, part.open("w", encoding="utf-8") as file:
        file.write(f"# arrivals of {sale}: seconds from its opening\n")
        file.writelines(f"{time:.2f}\n" for time in times)
    click.echo(f"{len(times):,} arrivals are in {output}", err=True)


def joined_times(history: Document, opening: str | None) -> Iterator[float]:
    """Seconds from the opening at which visitors joined; from the first step without one.

    `history` is that of the live figures: a step's value is how many had joined at its beginning.
    """
    step = float(history["step_seconds"])
    totals: Sequence[float | None] = history["series"]["joined"]
    known = [(at, int(total)) for at, total in enumerate(totals) if total is not None]
    if not known:
        return
    begins = _moment(history["since"])
    origin = _moment(opening) if opening else begins
    # Who was there at the first point came in the step before it.
    spans = [(known[0][0] - 1, 0), *known]
    for (before, joined), (at, total) in zip(spans, known, strict=False):
        count, seconds = total - joined, (at - before) * step
        for number in range(count):
            yield begins - origin + before * step + seconds * (number + 0.5) / count


def _moment(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
