"""How a line stands, made up by a test."""

from dataclasses import MISSING, fields
from typing import Any, Final

from holdfast_lua.calls.line_status import LineMode, LineStatus

_ZEROS: Final = {one.name: 0 for one in fields(LineStatus) if one.default is MISSING}
_OPEN: Final = {
    "lifecycle": "live",
    "phase": "open",
    "settings_version": 1,
    "frozen": True,
    "gaps": (),
    "mode": LineMode.LINE,
    "queue_all": False,
    "show_share": 1.0,
}


def line_status(**figures: Any) -> LineStatus:
    """An open line without a lobby, in which every figure that is not given is 0."""
    given: dict[str, Any] = _ZEROS | _OPEN | figures
    return LineStatus(**given)
