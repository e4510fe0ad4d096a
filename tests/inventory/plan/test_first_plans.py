"""Several plans are read at once when a service starts with several sales."""

import subprocess
import sys
from typing import Final

from support.inventory.harness import plan_json

PROGRAM: Final = """
import importlib, sys, threading
from holdfast_inventory.plan import columns, plan, pretix
from holdfast_inventory.settings import InventorySettings

settings = InventorySettings(prices={"A": 9000})
document = sys.stdin.buffer.read()
sys.setswitchinterval(1e-6)
for attempt in range(60):
    for module in (pretix, columns, plan):
        importlib.reload(module)  # its structs are new, as in a process that has just begun
    together = threading.Barrier(2)

    def read():
        together.wait()
        plan.compile_plan(document, settings)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("all read")
"""


def test_first_plans_of_a_process_are_read_side_by_side() -> None:
    """A struct that msgspec has half built in another thread ends the process (SIGSEGV)."""
    program, plan = [sys.executable, "-c", PROGRAM], plan_json(["AA", "B"])
    run = subprocess.run(program, input=plan, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (0, b"all read\n"), run.stderr
