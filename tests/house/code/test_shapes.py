"""What msgspec knows of a shape is built while modules are imported, before there is a thread.

A shape that is only known when a function is called is named here, with why it is safe.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from support.built_shapes import late_shapes
from support.source_tree import ROOT, plant, read_modules

GIVEN: Final = {
    "holdfast/cli/simulation/command.py": "type(world.arrivals)",  # a command has one thread
    "holdfast/config.py": "hint",  # scalars, of which msgspec keeps nothing
    "inventory/holdfast_inventory/plan/pretix.py": "shape",  # parts of PlanEntry, which is built
    "simulator/holdfast_simulator/world.py": "kind",  # a command has one thread
    "web/holdfast_web/request/body.py": "shape",  # bodies are decoded on the event loop alone
}
MODULE: Final = "queue/holdfast_queue/http/joining.py"


def test_shapes_of_the_service_are_built_when_it_is_imported() -> None:
    """In a process of its own: in this one tests have decoded much already."""
    command = [sys.executable, "-m", "support.built_shapes"]
    found = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, check=True)
    assert json.loads(found.stdout) == {path: [shape] for path, shape in GIVEN.items()}


@pytest.mark.parametrize(
    ("lines", "late"),
    [
        ("def read(b): return msgspec.json.decode(b, type=Wish)", ["Wish"]),
        ("def read(b): return msgspec.msgpack.decode(b, type=list[Wish])", ["list[Wish]"]),
        ("async def read(v): return msgspec.convert(v, Wish | None)", ["Wish | None"]),
        ("def read(b): return Decoder(Wish).decode(b)", ["Wish"]),
        ("def read(b, shape): return msgspec.convert(b, type=shape)", ["shape"]),
        ("def read(b): return msgspec.json.decode(b, type=dict[str, int])", []),
        ("def read(b): return msgspec.json.decode(b)", []),
        ("READ = Decoder(Wish)\ndef read(b): return msgspec.convert(b, Wish)", []),
    ],
)
def test_shape_that_is_built_late_is_found(tmp_path: Path, lines: str, late: list[str]) -> None:
    source = (
        "import msgspec\nfrom msgspec.json import Decoder\nclass Wish(msgspec.Struct): n: int\n"
    )
    plant(tmp_path, MODULE, source + lines)
    module = read_modules(tmp_path)["holdfast_queue.http.joining"]
    names: dict[str, object] = {}
    exec(module.source, names)  # noqa: S102 - planted above
    assert late_shapes(module, names) == late
