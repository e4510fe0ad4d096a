"""Tables and lists of the report's document."""

from collections.abc import Iterable, Sequence

from holdfast_web.charts.drawing import Drawing, element, joined


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Drawing:
    """A table whose first column names its rows; the others are numbers. An empty caption is left
    out.
    """
    titles = joined(
        *(
            element("th", title, scope="col", class_="n" if at else None)
            for at, title in enumerate(head)
        )
    )
    body = joined(*(_row(head, row) for row in rows))
    parts = (
        element("caption", caption) if caption else "",
        element("thead", element("tr", titles)),
        element("tbody", body),
    )
    return element("table", joined(*parts), class_="cards")


def facts(pairs: Iterable[tuple[str, str]]) -> Drawing:
    """Terms with one value each."""
    entries = (
        element("div", joined(element("dt", term), element("dd", value))) for term, value in pairs
    )
    return element("dl", joined(*entries), class_="figures")


def section(title: str, *parts: str, kind: str | None = None) -> Drawing:
    """A part of the document under a heading."""
    return element("section", joined(element("h2", title), *parts), class_=kind)


def _row(head: Sequence[str], row: Sequence[str]) -> Drawing:
    """On a phone a row becomes a card, whose values say by themselves what they are."""
    name, *values = row
    labelled = zip(head[1:], values, strict=True)
    cells = (element("td", value, class_="n", data_label=label) for label, value in labelled)
    return element("tr", joined(element("th", name, scope="row"), *cells))
