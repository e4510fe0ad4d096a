"""Accessibility of a page that is open in Chromium: axe-core's rules, and reflow at 400% zoom.

All rules are checked in light colours, and those that a colour can break in dark and in forced
colours as well: the pages' styles for these change colours and borders only. A document that was
loaded without scripts is checked as it stands: axe itself needs them, so they are allowed once it
is there.

What axe cannot decide is a finding too: `incomplete` results of the rules in `UNDECIDED_FAILS` are
reported as violations are. The text of charts is left out there, since axe takes an SVG for an
image of unknown colours: it has the colours of the page's own text, on the page's own paper.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Page
from support.pages.browser import MEDIA, allow_scripts, resize

LIGHT: Final = "light"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
UNDECIDED_FAILS: Final = frozenset({"color-contrast"})
ALL_RULES: Final[Mapping[str, object]] = {"type": "tag", "values": TAGS}
COLOUR_RULES: Final[Mapping[str, object]] = {
    "type": "rule",
    "values": ("color-contrast", "link-in-text-block"),
}
RUN: Final = """
async ({context, rules}) => {
  const {violations, incomplete} =
    await axe.run(context, {runOnly: rules, resultTypes: ["violations", "incomplete"]});
  const told = ({id, nodes}) =>
    ({id, nodes: nodes.map(({html, failureSummary}) => ({html, failureSummary}))});
  return {violations: violations.map(told), incomplete: incomplete.map(told)};
}
"""
"""Axe's whole report of a page has hundreds of kilobytes, and most of it is of what is well."""
ZOOMED: Final = (320, 256)
"""1280 by 1024 pixels at 400%: what WCAG 1.4.10 asks pages to reflow into."""


async def assert_accessible(
    page: Page, *, without: Sequence[str] = (), media: Iterable[str] = MEDIA
) -> None:
    """Fails with every violation of axe's rules on the page as it is, in light, and of its rules on
    colour in the other `media`.

    `without` names CSS selectors that are left out; the caller says why.
    The page is left in light colours.
    """
    found = []
    for name in media:
        await page.emulate_media(**MEDIA[name])
        rules = ALL_RULES if name == LIGHT else COLOUR_RULES
        found += [f"{name}: {finding}" for finding in await violations(page, without, rules)]
    await page.emulate_media(**MEDIA[LIGHT])
    assert not found, "\n".join(found)


async def violations(
    page: Page, without: Sequence[str] = (), rules: Mapping[str, object] = ALL_RULES
) -> list[str]:
    """What axe finds on the page as it is now, a line for each element."""
    await allow_scripts(page)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    context = {"include": [["html"]], "exclude": [[selector] for selector in without]}
    results = await page.evaluate(RUN, {"context": context, "rules": rules})
    undecided = [
        {**rule, "nodes": [node for node in rule["nodes"] if not node["html"].startswith("<text")]}
        for rule in results["incomplete"]
        if rule["id"] in UNDECIDED_FAILS
    ]
    return [line for rule in (*results["violations"], *undecided) for line in _lines(rule)]


async def assert_reflows(page: Page) -> None:
    """Fails when the page scrolls sideways at 400% zoom, or hides text beyond its edge."""
    await resize(page, ZOOMED)
    over = await page.evaluate(_OVER_THE_EDGE, ZOOMED[0])
    assert not over, over


def _lines(rule: Mapping[str, Any]) -> list[str]:
    return [
        f"{rule['id']}: {node['html']}: {node.get('failureSummary', '')}" for node in rule["nodes"]
    ]


# The width is given because innerWidth grows with what overflows on a phone.
_OVER_THE_EDGE: Final = """
width => [...(document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : []),
 ...[...document.querySelectorAll("body *")].filter((element) => {
   const box = element.getBoundingClientRect();
   return element.checkVisibility({visibilityProperty: true}) && element.innerText?.trim() &&
     !element.closest(".spoken") && (box.right > width + 1 || box.left < -1);
 }).map((element) => element.outerHTML.slice(0, 200))]
"""
