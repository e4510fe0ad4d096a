"""Write the parts of the documents that say what the code says: settings, metrics and
error codes.

A generated part stands between `<!-- generated: name -->` and `<!-- end of name -->`; the rest of a
page is written by hand. `--check` writes nothing and fails when a page is out of date, as `make
docs` does.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from holdfast.config import describe_settings
from holdfast_lua.client.store_url import FORMS, OPTIONS
from holdfast_metrics.manifest import MANIFEST
from holdfast_web.errors import ErrorCode

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
_PART: Final = re.compile(
    r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL
)


def settings() -> Iterator[str]:
    for setting in describe_settings():
        default = "" if setting.default == "(not set)" else f"`{setting.default}`"
        yield row(f"`{setting.name}`", f"`{setting.variable}`", default, setting.doc)


def metrics() -> Iterator[str]:
    for metric in MANIFEST:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield row(f"`{metric.name}`", metric.kind.value, labels, metric.help)


def errors() -> Iterator[str]:
    for code in ErrorCode:
        yield row(str(code.status), f"`{code.value}`", code.doc)


def store_urls() -> Iterator[str]:
    for form, meaning in FORMS:
        yield row(f"`{form}`", meaning)


def store_options() -> Iterator[str]:
    for option, meaning in OPTIONS:
        yield row(f"`{option}`", meaning)


PARTS: Final[dict[str, tuple[str, Callable[[], Iterable[str]]]]] = {
    "settings": ("Setting | Environment | Default | Meaning", settings),
    "metrics": ("Metric | Kind | Labels | Meaning", metrics),
    "store-urls": ("HOLDFAST_STORE_URL | The store", store_urls),
    "store-options": ("Behind `?`, joined by `&` | Meaning", store_options),
    "errors": ("Status | Code | Meaning", errors),
}


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(name: str) -> str:
    head, lines = PARTS[name]
    columns = head.split(" | ")
    return "\n".join(["", row(*columns), "|" + " --- |" * len(columns), *lines(), "", ""])


def rendered(page: str) -> str:
    return _PART.sub(lambda part: f"{part[1]}{table(part['name'])}{part[3]}", page)


def parts_of(page: str) -> list[str]:
    """The names of the generated parts that a page has."""
    return [part["name"] for part in _PART.finditer(page)]


def main(arguments: list[str]) -> int:
    stale = []
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        wanted = rendered(page)
        if wanted == page:
            continue
        stale.append(str(path.relative_to(DOCS.parent)))
        if "--check" not in arguments:
            path.write_text(wanted, encoding="utf-8")
    if "--check" not in arguments:
        return 0
    for name in stale:
        print(f"{name} is out of date: run `make fmt`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
