"""Makes the HTML of a page from its template (Jinja2).

Every value is escaped unless a template says otherwise, and a name that is not there is an error.
No document contains a script or a style, so the Content-Security-Policy can forbid both.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER: Final = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The templates, compiled when they are first used."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """The document of a template."""
    return environment().get_template(template).render(values)
