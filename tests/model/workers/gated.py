"""Store and ledger as a process has them: each call waits until the scheduler delivers it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from model.scheduler import Process

from holdfast_ledger import Ledger, Outcome
from holdfast_ledger.transactions.intents import Intent
from holdfast_lua import Bundle, Executor
from holdfast_lua.client.wire import Argument


class GatedExecutor(Executor):
    """The run's executor, for one process; each call waits to be delivered."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._real = process.scheduler.executor

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        reply: list[Any] = await self._process.wait(
            name, tuple(args), lambda: self._real.run(name, keys, args)
        )
        return reply

    async def require_master(self) -> None:
        """The one store of a run is the one to use."""

    async def run_on_every_server(self, name: str, args: Sequence[Argument]) -> list[list[Any]]:
        """It takes every write, always."""
        return []

    @property
    def bundle(self) -> Bundle:
        return self._real.bundle

    async def command(self, *values: Argument, key: str | None = None) -> Any:
        return await self._process.wait(
            f"command.{values[0]!r}", values, lambda: self._real.command(*values, key=key)
        )


class Gated:
    """A part of the ledger, each call of which waits to be delivered."""

    def __init__(self, process: Process, name: str, part: object) -> None:
        self._process, self._name, self._part = process, name, part

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._part, name)

        def gated(*args: object, **options: object) -> Awaitable[Any]:
            return self._process.wait(
                f"ledger.{self._name}.{name}", options, lambda: method(*args, **options)
            )

        return gated


class GatedLedger(Ledger):
    """The run's ledger, for one process; each call waits to be delivered."""

    def __init__(self, process: Process) -> None:
        real = process.scheduler.ledger
        self._process, self._real, self.database = process, real, real.database
        for name in ("sales", "orders", "checkpoints", "draws", "seat_blocks"):
            setattr(self, name, Gated(process, name, getattr(real, name)))

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        return self._process.wait("ledger.commit", intent, lambda: self._real.commit(intent))
