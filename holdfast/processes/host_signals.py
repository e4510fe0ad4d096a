"""What the host asks of the service's parent by signals.

SIGTERM, SIGINT  stop. While the service starts they end the start wherever it is, by
                 `StartStopped`; once it serves they are noted. Process 1 of a container would
                 ignore them by default, so they are handled from the beginning.
SIGHUP           take changed settings over. When it says that the terminal of the service was
                 closed, stop.
SIGUSR1, SIGUSR2 nothing; they would end a process by default. Workers and store inherit that.
SIGCHLD          wakes whoever waits on `wakeup`, as every other signal does.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
IGNORED: Final = (signal.SIGUSR1, signal.SIGUSR2)
IMPATIENT_SECONDS: Final = 1.0
"""a second stop signal within this time is the same wish, told twice"""


class StartStopped(SystemExit):
    """The start was stopped. An event loop hands on no other exception of a signal's handler."""


class HostSignals:
    """What was asked so far; made in the main thread by `host_signals`."""

    def __init__(self, wakeup: int) -> None:
        self.wakeup = wakeup
        """readable when a signal has come"""
        self.reload_asked = False
        self._starting = True
        self._stop_asked = 0.0
        self._impatient = False
        self._has_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()

    @property
    def stopping(self) -> bool:
        return self._stop_asked > 0

    @property
    def impatient(self) -> bool:
        """Whether a second stop signal has come, of somebody who does not want to wait."""
        return self._impatient

    def note_started(self) -> None:
        """From now on a stop is noted and not raised; raises when one has come before."""
        self._starting = False
        if self.stopping:
            raise StartStopped

    def drain(self) -> None:
        """Makes `wakeup` unreadable until the next signal."""
        try:
            while os.read(self.wakeup, 4096):
                pass
        except BlockingIOError:
            pass

    def handle(self, number: int, _frame: object) -> None:
        if number in STOP_SIGNALS or self._is_hangup(number):
            self._handle_stop()
        elif number == signal.SIGHUP:
            self.reload_asked = True

    def _is_hangup(self, number: int) -> bool:
        return number == signal.SIGHUP and self._has_terminal and not _has_terminal()

    def _handle_stop(self) -> None:
        now = time.monotonic()
        if self.stopping:
            self._impatient = self._impatient or now - self._stop_asked > IMPATIENT_SECONDS
            return
        self._stop_asked = now
        if self._starting:
            raise StartStopped


@contextmanager
def host_signals() -> Iterator[HostSignals]:
    """Handles them until the end; what was there before is restored."""
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
    """In a forked worker: stops are its own matter, and changed settings its parent's."""
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
