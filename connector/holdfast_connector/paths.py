"""Which paths are protected, in whatever form they are written.

Servers and frameworks differ about doubled slashes, dot segments, `;parameters`, backslashes and
letter case. So a path is checked in two forms, as it came and normalised: it is protected when
either form is, and an exception only when both are. An error of this kind costs a visitor one
redirect; the opposite one would let a crowd past the line.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from holdfast_connector.settings import PathRule


class Paths:
    """The protected paths of a shop."""

    def __init__(self, protected: Sequence[PathRule], public: Sequence[PathRule]) -> None:
        self._protected = tuple(protected)
        self._public = tuple(public)

    def protects(self, path: str) -> bool:
        """Whether `path` (decoded) needs a session."""
        forms = (path, normalised(path))
        if all(_matches(self._public, form) for form in forms):
            return False
        return any(_matches(self._protected, form) for form in forms)


def normalised(path: str) -> str:
    """`path` as the most lenient server might read it."""
    segments: list[str] = []
    for part in unquote(path).replace("\\", "/").lower().split("/"):
        segment = part.partition(";")[0].strip()
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


def _matches(rules: Sequence[PathRule], path: str) -> bool:
    return any(_is_below(path, rule) for rule in rules)


def _is_below(path: str, rule: PathRule) -> bool:
    if isinstance(rule, re.Pattern):
        return rule.search(path) is not None
    base = rule.rstrip("/")
    lowered = path.lower()
    return lowered == base.lower() or lowered.startswith(base.lower() + "/")
