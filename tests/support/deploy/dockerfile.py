"""What the Dockerfile says, for tests that do without an engine what it does with one."""

import json
import re
from pathlib import Path
from typing import Final

from support.deploy.container import PATH

ROOT: Final = Path(__file__).resolve().parents[3]
DOCKERFILE: Final = ROOT / "Dockerfile"


def of_dockerfile(pattern: str) -> str:
    """The group of a pattern that one line has."""
    (found,) = re.findall(pattern, DOCKERFILE.read_text(), re.MULTILINE)
    return str(found)


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    lines = of_dockerfile(r"^ENV ((?:.*\\\n)*.*)$").replace("\\\n", " ").split()
    values = dict(line.split("=", 1) for line in lines)
    return {**values, "PATH": values["PATH"].replace("$PATH", PATH)}


def image_entrypoint() -> list[str]:
    return _words(r"^ENTRYPOINT (.*)$")


def image_command() -> list[str]:
    """What the image runs when nothing else is said."""
    return image_entrypoint() + _words(r"^CMD (.*)$")


def health_check() -> list[str]:
    return _words(r"^HEALTHCHECK .* CMD (.*)$")


def _words(pattern: str) -> list[str]:
    words: list[str] = json.loads(of_dockerfile(pattern))
    return words
