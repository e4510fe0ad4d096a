"""Accessibility of a page that is open in Chromium: axe-core's rules, and reflow at 400% zoom.

axe runs in a world of its own beside the page's scripts, so neither the page's policy nor its
globals matter to it. Each check is made in light, in dark and in forced colours, because contrast
differs in each. A document that was loaded without scripts is checked as it stands: axe itself
needs them, so they are switched on (`Page.scripts`) for documents after it.

What axe cannot decide is a finding too: `incomplete` results of the rules in `UNDECIDED_FAILS` are
reported as violations are.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from chromium import Page

MEDIA: Final[Mapping[str, Mapping[str, bool]]] = {
    "light": {},
    "dark": {"dark": True},
    "forced colours": {"forced_colors": True},
}
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
UNDECIDED_FAILS: Final = frozenset({"color-contrast"})
ZOOMED: Final = (320, 256)
"""1280 by 1024 pixels at 400%: what WCAG 1.4.10 asks pages to reflow into."""


async def assert_accessible(page: Page, *, without: Sequence[str] = ()) -> None:
    """Fails with every violation of axe's rules on the page as it is, in each of `MEDIA`.

    `without` names CSS selectors that are left out; the caller says why.
    The page is left in light colours.
    """
    found = []
    for name, features in MEDIA.items():
        await page.media(**features)
        found += [f"{name}: {finding}" for finding in await violations(page, without)]
    await page.media()
    assert not found, "\n".join(found)


async def violations(page: Page, without: Sequence[str] = ()) -> list[str]:
    """What axe finds on the page as it is now, a line for each element."""
    await page.scripts(on=True)
    world = await page.isolated_world()
    await page.run(f"{_axe()};0", world)
    context = {"include": [["html"]], "exclude": [[selector] for selector in without]}
    options = {
        "runOnly": {"type": "tag", "values": TAGS},
        "resultTypes": ["violations", "incomplete"],
    }
    results = await page.run(f"axe.run({json.dumps(context)}, {json.dumps(options)})", world)
    undecided = [rule for rule in results["incomplete"] if rule["id"] in UNDECIDED_FAILS]
    return [line for rule in (*results["violations"], *undecided) for line in _lines(rule)]


async def assert_reflows(page: Page) -> None:
    """Fails when the page scrolls sideways at 400% zoom, or hides text beyond its edge."""
    await page.resize(ZOOMED)
    over = await page.run(_OVER_THE_EDGE)
    assert not over, over


@cache
def _axe() -> str:
    spec = find_spec("axe_playwright_python")
    assert spec is not None, "axe-playwright-python is not installed"
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text("utf-8")


def _lines(rule: Mapping[str, Any]) -> list[str]:
    return [
        f"{rule['id']}: {node['html']}: {node.get('failureSummary', '')}" for node in rule["nodes"]
    ]


_OVER_THE_EDGE: Final = """
[...(document.documentElement.scrollWidth > WIDTH ? ["the page scrolls sideways"] : []),
 ...[...document.querySelectorAll("body *")].filter((element) => {
   const box = element.getBoundingClientRect();
   return element.checkVisibility({visibilityProperty: true}) && element.innerText?.trim() &&
     !element.closest(".spoken") && (box.right > WIDTH + 1 || box.left < -1);
 }).map((element) => element.outerHTML.slice(0, 200))]
""".replace("WIDTH", str(ZOOMED[0]))  # innerWidth grows with what overflows on a phone
