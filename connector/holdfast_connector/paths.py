"""Which paths are protected, however they are spelled.

Servers and frameworks disagree about doubled slashes, dot segments, `;parameters`, backslashes and
letter case. So a path is looked at in two forms, as it came and tidied up: it is protected when
either form is, and an exception only when both are. Erring that way costs a visitor one redirect;
erring the other way would let a crowd past the line.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from holdfast_connector.settings import PathRule


class Paths:
    """The protected part of a shop."""

    def __init__(self, protected: Sequence[PathRule], public: Sequence[PathRule]) -> None:
        self._protected = tuple(protected)
        self._public = tuple(public)

    def guard(self, path: str) -> bool:
        """Whether only visitors with a session may have `path` (decoded)."""
        forms = (path, tidied(path))
        if all(_matches(self._public, form) for form in forms):
            return False
        return any(_matches(self._protected, form) for form in forms)


def tidied(path: str) -> str:
    """`path` as the most forgiving server might read it."""
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
