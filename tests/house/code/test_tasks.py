"""Background tasks of the service are started where they are supervised, and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.source_tree import ROOT, Module, plant, read_modules

HOME = "tasks/holdfast_tasks/supervised.py"
STARTERS = {
    *("create_task", "ensure_future", "TaskGroup", "run_coroutine_threadsafe"),
    *("run_in_executor", "Thread", "Timer", "start_new_thread", "Process"),
    *("ThreadPoolExecutor", "ProcessPoolExecutor"),
}
THREADS = {
    "connector/holdfast_connector/worker_threads.py",
    "connector/holdfast_connector/tokens/keys.py",
    "holdfast/cli/simulation/command.py",
}
"""The connector runs in shops that have no event loop; a command computes on all processors."""
JOINERS = {"asyncio.gather", "asyncio.shield"}


def unsupervised_tasks(root: Path) -> list[str]:
    """Where a task or a thread is started otherwise than by `start_task`, in whatever way."""
    return [
        f"{module.path}:{line}"
        for module in read_modules(root).values()
        if module.path != HOME and module.path not in THREADS
        for line in sorted(set(_starts(module)))
    ]


def _starts(module: Module) -> Iterator[int]:
    for use in module.uses:
        if use.last in STARTERS or (use.kind == "call" and use.name.startswith("asyncio.Task")):
            yield use.line
    awaited = {id(node.value) for node in module.nodes if isinstance(node, ast.Await)}
    for node in module.nodes:
        # What is gathered, or shielded as it begins, goes on when nobody waits for it any more.
        if isinstance(node, ast.Call) and module.full_name(node.func) in JOINERS:
            shields_call = node.args and isinstance(node.args[0], ast.Call)
            is_shield = module.full_name(node.func).endswith("shield")
            if shields_call if is_shield else id(node) not in awaited:
                yield node.lineno


def test_tasks_are_started_where_they_are_supervised() -> None:
    assert unsupervised_tasks(ROOT) == []


@pytest.mark.parametrize(
    "source",
    [
        "from asyncio import ensure_future as start",
        "loop.create_task(work())",
        "from asyncio import TaskGroup",
        "import asyncio as a; a.Task(work())",
        "from asyncio import Task; Task(work())",
        "import asyncio; getattr(asyncio, 'create_task')(work())",
        "import asyncio; asyncio.get_running_loop().run_in_executor(None, work)",
        "import threading; threading.Thread(target=work).start()",
        "from concurrent.futures import ThreadPoolExecutor",
        "import asyncio; working = asyncio.gather(work(), work())",
        "import asyncio; await asyncio.shield(work())",
    ],
)
def test_unsupervised_task_is_found(source: str, tmp_path: Path) -> None:
    plant(tmp_path, "queue/holdfast_queue/line/a.py", f'"""Says why."""\n{source}')
    assert unsupervised_tasks(tmp_path) == ["queue/holdfast_queue/line/a.py:2"]


def test_what_is_supervised_or_waited_for_is_no_breach(tmp_path: Path) -> None:
    plant(tmp_path, HOME, "import asyncio\nasyncio.create_task(work())")
    waiting = "await asyncio.gather(work())\nawait asyncio.shield(task)"
    typed = "def f(task: asyncio.Task[None]) -> None: start_task(work())"
    source = f"import asyncio\nfrom holdfast_tasks import start_task\n{waiting}\n{typed}"
    plant(tmp_path, "lua/holdfast_lua/a.py", source)
    assert unsupervised_tasks(tmp_path) == []
