"""Keeps Locust running until the people of every process have gone home.

A shape of Locust says once a second how many users there are; when each person comes is the
scenario's (`[arrivals]`), to the millisecond and by the code of the simulator. So the shape only
says that each process runs its `Arrivals`, and when the run is over.
"""

from __future__ import annotations

from locust import LoadTestShape

from holdfast_loadtest.locust.lifecycle import run


class UntilEverybodyIsHome(LoadTestShape):
    """One `Arrivals` in each process, until the run is over."""

    processes: int | None = None

    def reset_time(self) -> None:
        super().reset_time()  # type: ignore[no-untyped-call] # Locust's is
        self.processes = None

    def tick(self) -> tuple[int, float] | None:
        if run.is_over:
            self.processes = None
            return None
        if self.processes is None:
            # Asked once: a worker that joins or goes later changes nobody else's part.
            self.processes = max(1, getattr(self.runner, "worker_count", 1))
        return self.processes, float(self.processes)
