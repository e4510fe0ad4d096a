"""Background tasks of the service are started where they are supervised, and nowhere else."""

import ast
from pathlib import Path

from support.source_tree import ROOT, plant, read_modules

HOME = "tasks/holdfast_tasks/supervised.py"
STARTERS = {"create_task", "ensure_future", "TaskGroup", "run_coroutine_threadsafe"}


def unsupervised_tasks(root: Path) -> list[str]:
    """Where a task is started otherwise than by `start_task`: by any name of asyncio's starters."""
    return [
        f"{module.path}:{node.lineno}"
        for module in read_modules(root).values()
        if module.path != HOME
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name | ast.Attribute | ast.alias) and _name_of(node) in STARTERS
    ]


def _name_of(node: ast.Name | ast.Attribute | ast.alias) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else node.name


def test_tasks_are_started_where_they_are_supervised() -> None:
    assert unsupervised_tasks(ROOT) == []


def test_unsupervised_task_is_found(tmp_path: Path) -> None:
    plant(tmp_path, HOME, "import asyncio\nasyncio.create_task(work())")
    plant(tmp_path, "holdfast/a.py", "from asyncio import ensure_future as start")
    plant(tmp_path, "queue/holdfast_queue/line/b.py", "import asyncio\nloop.create_task(work())")
    plant(tmp_path, "lua/holdfast_lua/c.py", "from holdfast_tasks import start_task\nstart_task(w)")
    plant(tmp_path, "web/holdfast_web/d.py", "from asyncio import TaskGroup\n")
    assert unsupervised_tasks(tmp_path) == [
        "holdfast/a.py:1",
        "queue/holdfast_queue/line/b.py:2",
        "web/holdfast_web/d.py:1",
    ]
