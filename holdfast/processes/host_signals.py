"""The signals that the service's parent handles, and what each of them asks for.

SIGTERM, SIGINT  stop. While the service starts they end the start, by `StartStopped`; once it
                 serves they are noted. Process 1 of a container would ignore them by default.
SIGHUP           take changed settings over. When it says that the terminal of the service was
                 closed, stop.
SIGUSR1, SIGUSR2 nothing; they would end a process by default. Workers and store inherit that.
SIGCHLD          makes `wakeup` readable, as every other signal does.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
IGNORED: Final = (signal.SIGUSR1, signal.SIGUSR2)
FORCE_SECONDS: Final = 1.0
"""a second stop signal within this time counts as the same one"""


class StartStopped(SystemExit):
    """The start was stopped. A SystemExit, since an event loop passes no other kind on."""


class HostSignals:
    """The requests received so far; made in the main thread by `host_signals`."""

    def __init__(self, wakeup: int) -> None:
        self.wakeup = wakeup
        """readable when a signal has come"""
        self.reload_asked = False
        self._starting = True
        self._stop_asked = 0.0
        self.forced = False
        """whether a second stop signal has come, after which nothing is waited for"""
        self._has_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()

    @property
    def stopping(self) -> bool:
        return self._stop_asked > 0

    def note_started(self) -> None:
        """From now on a stop is noted instead of raised; raises if one has come already."""
        self._starting = False
        if self.stopping:
            raise StartStopped

    def drain(self) -> None:
        """Empties `wakeup`, which the next signal makes readable again."""
        try:
            while os.read(self.wakeup, 4096):
                pass
        except BlockingIOError:
            pass

    def handle(self, number: int, _frame: object) -> None:
        hung_up = number == signal.SIGHUP and self._has_terminal and not _has_terminal()
        if number in STOP_SIGNALS or hung_up:
            self._handle_stop()
        elif number == signal.SIGHUP:
            self.reload_asked = True

    def _handle_stop(self) -> None:
        now = time.monotonic()
        if self.stopping:
            self.forced = self.forced or now - self._stop_asked > FORCE_SECONDS
            return
        self._stop_asked = now
        if self._starting:
            raise StartStopped


@contextmanager
def host_signals() -> Iterator[HostSignals]:
    """Installs the handlers for the block, and restores the former ones after it."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signals = HostSignals(read)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED}
    for number in (*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD):
        before[number] = signal.signal(number, signals.handle)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def become_worker() -> None:
    """Resets the handlers in a forked worker, which handles stops itself and ignores SIGHUP."""
    signal.set_wakeup_fd(-1)
    for number in (*STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
