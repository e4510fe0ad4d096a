"""Writes the parts of the documents that say what the code says: settings, metrics, error codes,
what benchmarks measured, and what a large sale needs by the costs.

A generated part stands between `<!-- generated: name -->` and `<!-- end of name -->`; the rest of a
page is written by hand. Beside them are the pictures of benchmarks. `--check` writes nothing and
fails when a page or a picture is out of date, as `make docs` does.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.__main__ import NAMES as BENCHES
from bench.kit.documents import aims, curves, markdown_table, picture_name, section
from bench.kit.results import KEPT, kept_results, read_result
from holdfast.setting_docs import describe_settings
from holdfast_loadtest.capacity import ASSUMED, Demand, store_limits
from holdfast_loadtest.capacity import table as capacity_table
from holdfast_loadtest.rehearse import validation
from holdfast_lua.client.store_url import FORMS, OPTIONS
from holdfast_metrics.manifest import MANIFEST
from holdfast_simulator.costs import measured_costs
from holdfast_web.errors import ErrorCode

Cells = Sequence[str]

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
VALIDATION: Final = DOCS.parent / "loadtest" / "validation.json"
_PART: Final = re.compile(
    r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL
)


def settings() -> Iterator[Cells]:
    for setting in describe_settings():
        default = "" if setting.default == "(not set)" else f"`{setting.default}`"
        variables = ", ".join(f"`{variable}`" for variable in setting.variables)
        yield f"`{setting.name}`", variables, default, setting.doc


def metrics() -> Iterator[Cells]:
    for metric in MANIFEST:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        kind = metric.kind.value
        yield f"`{metric.name}`", kind, metric.unit, labels, metric.help, metric.why


def errors() -> Iterator[Cells]:
    return ((str(code.status), f"`{code.value}`", code.doc) for code in ErrorCode)


def request_costs() -> Iterator[Cells]:
    for kind, cost in measured_costs().requests.items():
        us = [f"{part:,.0f}" for part in (cost.worker_us, cost.store_us, cost.ledger_us)]
        yield kind, *us, f"{cost.bytes:,}"


def memory_costs() -> Iterator[Cells]:
    costs = measured_costs()
    yield "a worker by itself", "worker", f"{costs.worker_mib:.0f} MiB"
    yield "an open connection", "worker", f"{costs.connection_bytes / 1024:.1f} KiB"
    yield "an open stream of changes", "worker", f"{costs.stream_bytes / 1024:.1f} KiB"
    yield "one who waits", "store", f"{costs.join_bytes:.1f} B"
    yield "one who was let in", "store", f"{costs.session_bytes:,.0f} B"
    yield "a hold and its order", "store", f"{costs.order_bytes:,.0f} B"


def validated() -> Iterator[Cells]:
    return validation.rows(msgspec.json.decode(VALIDATION.read_bytes(), type=validation.Validation))


def coded(pairs: Iterable[tuple[str, str]]) -> Iterator[Cells]:
    """What stands in code, and what it means."""
    return ((f"`{code}`", meaning) for code, meaning in pairs)


def tabled(head: str, rows: Callable[[], Iterable[Cells]]) -> Callable[[], str]:
    return lambda: markdown_table(head.split(" | "), rows())


def measured(name: str) -> Callable[[], str]:
    """The stored result of a benchmark, as text."""
    path = KEPT / f"{name}.json"
    return lambda: section(read_result(path)) if path.exists() else "Not measured yet."


PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": tabled("Setting | Environment | Default | Meaning", settings),
    "metrics": tabled("Metric | Kind | Unit | Labels | Meaning | Why", metrics),
    "store-urls": tabled("HOLDFAST_STORE_URL | The store", lambda: coded(FORMS)),
    "store-options": tabled("Behind `?`, joined by `&` | Meaning", lambda: coded(OPTIONS)),
    "request-costs": tabled("Request | Worker, us | Store, us | Ledger, us | Bytes", request_costs),
    "memory-costs": tabled("What | Keeps in the | Memory", memory_costs),
    "store-limits": tabled("Change | A second at most", lambda: store_limits(measured_costs())),
    "capacity": tabled(
        "Part | Requests/s | Cores in use | Processes | Machines | Memory",
        lambda: capacity_table(measured_costs(), Demand()),
    ),
    "assumptions": tabled("Assumed | What", lambda: [cells[::-1] for cells in ASSUMED]),
    "errors": tabled("Status | Code | Meaning", errors),
    "validation": tabled(
        "World and figure | Predicted | Measured | Deviation | Tolerated", validated
    ),
    "bench-aims": lambda: aims(kept_results()),
    **{f"bench-{name.replace('_', '-')}": measured(name) for name in BENCHES},
}


def rendered(page: str) -> str:
    return _PART.sub(lambda part: f"{part[1]}\n{PARTS[part['name']]()}\n\n{part[3]}", page)


def parts_of(page: str) -> list[str]:
    """The names of the generated parts that a page has."""
    return [part["name"] for part in _PART.finditer(page)]


def wanted() -> Iterator[tuple[Path, str]]:
    """Every page with a generated part, and every picture, as they should be."""
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if parts_of(page):
            yield path, rendered(page)
    for result in kept_results():
        drawing = curves(result)
        if drawing is not None:
            yield DOCS / "images" / picture_name(result), drawing


def stale() -> list[tuple[Path, str]]:
    """The files that are out of date, with the text that they should have."""
    return [
        (path, text)
        for path, text in wanted()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    found = stale()
    if "--check" not in arguments:
        for path, text in found:
            path.write_text(text, encoding="utf-8")
        return 0
    for path, _ in found:
        print(f"{path.relative_to(DOCS.parent)} is out of date: run `make fmt`")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
