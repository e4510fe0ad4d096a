import re
from typing import Final

from holdfast_monitoring.alerts import ALERTS
from holdfast_monitoring.boards import DASHBOARDS
from holdfast_monitoring.files import ROOT
from holdfast_monitoring.prometheus import PAGE

_ENTRY: Final = re.compile(r"^### Alert: (?P<title>.+)\n\n(?P<text>(?:(?!##).*\n)+)", re.MULTILINE)
_PANELS: Final = re.compile(
    r'\*(?P<board>[A-Z][a-z ]+)\*, (?P<titles>"[^"]+"(?:(?:, | and )"[^"]+")*)'
)


def _entries() -> dict[str, str]:
    """The text of each entry by the anchor that its heading has."""
    page = (ROOT / PAGE).read_text("utf-8")
    found = list(_ENTRY.finditer(page))
    entries = {f"alert-{one['title'].lower().replace(' ', '-')}": one["text"] for one in found}
    assert len(entries) == len(found)
    return entries


def test_each_alert_has_its_entry_and_no_entry_is_left_over() -> None:
    assert _entries().keys() == {alert.anchor for alert in ALERTS}


def test_entry_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    entries = _entries()
    for alert in ALERTS:
        text = entries[alert.anchor]
        assert text.startswith(f"{alert.severity.value.capitalize()}. "), alert.code
        assert re.search(r"^- Look at: \S", text, re.MULTILINE), alert.code
        assert re.search(r"^- Do: \S", text, re.MULTILINE), alert.code


def test_panels_that_entries_name_exist() -> None:
    titles = {
        board.title.removeprefix("Holdfast: "): {panel.title for panel in board.panels()}
        for board in DASHBOARDS
    }
    named = [
        (mention["board"], title)
        for text in _entries().values()
        for mention in _PANELS.finditer(text.replace("\n", " "))
        for title in re.findall(r'"([^"]+)"', mention["titles"])
    ]
    assert len(named) > len(titles)
    assert [one for one in named if one[1] not in titles[one[0]]] == []


def test_alerts_of_the_live_figures_are_among_them() -> None:
    source = (ROOT / "holdfast" / "figures" / "alerts.py").read_text("utf-8")
    shown = dict(re.findall(r'Alert\(\s*"(\w+)", (CRITICAL|WARNING)', source))
    assert shown
    assert shown.items() <= {alert.code: alert.severity.name for alert in ALERTS}.items()
