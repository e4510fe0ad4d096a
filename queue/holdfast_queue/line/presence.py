"""Counting who is still there: about one bit for each visitor and window of time.

A visitor who asks for their place (`GET ticket`) is noted in a bitmap of this worker; once per
window it goes to the store, which joins the bitmaps of all workers and counts those who still wait.
So presence costs no store call per poll, and 1/8 byte per visitor and window in worker and store.

Places are noted by their ordinal: the lobby's order until it is frozen, the number from then on;
the two never share a bitmap.

Invariant: whoever keeps the page open is in every window, also while its tab is hidden. The page
asks for its place with the first poll that is `OWN_VIEW_SECONDS` after the last time, and polls at
least every `HIDDEN_SECONDS`; both numbers reach it from here. Browsers run the timers of a tab that
has long been hidden on the minute only, so what comes due within a minute happens on the minute,
and what comes due a moment later happens a minute after that. Hence a hidden page is asked to poll
well within the minute, each of its polls asks for its place, and a window is longer than a minute
and what a slow response adds to it.

The count is for the operator and not for the wait estimate: that one divides by the share of
called visitors who came, which is what slows a line. Presence does not tell who will come, since a
visitor may follow the public status document alone.
"""

from dataclasses import dataclass
from typing import Final

from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import MAX_NUMBER, LineCalls
from holdfast_lua.calls.line_status import LineStatus

WINDOW_MS: Final = 90_000
HIDDEN_SECONDS: Final = 55
OWN_VIEW_SECONDS: Final = 40
_GROW_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class PresenceWindow:
    """The visitors that one worker noted in one window; `bits` begin `offset` bytes in."""

    window: int
    name: str
    offset: int
    bits: bytes


class Presence:
    """Notes the visitors of one sale that one worker hears of."""

    def __init__(self, calls: LineCalls, ref: SaleRef) -> None:
        self._calls = calls
        self._ref = ref
        self._bits = bytearray()
        self._window = 0
        self._frozen = False

    def note(self, ordinal: int) -> None:
        """Notes a place. Bit n of the bitmap is the n-th from the left, as the store counts."""
        at = ordinal >> 3
        if at >= len(self._bits):
            if ordinal > MAX_NUMBER:
                return
            self._bits.extend(bytes(at + _GROW_BYTES - len(self._bits)))
        self._bits[at] |= 0x80 >> (ordinal & 7)

    def end_window(self, line: LineStatus, now_ms: int) -> PresenceWindow | None:
        """The window that has ended, to be reported; None while it lasts."""
        window = now_ms // WINDOW_MS
        if window == self._window and line.frozen == self._frozen:
            return None
        ended, was_frozen, bits = self._window, self._frozen, self._bits
        self._window, self._frozen, self._bits = window, line.frozen, bytearray()
        # Ordinals changed their meaning at the freeze; what was noted before it is dropped.
        if not ended or was_frozen != line.frozen:
            return None
        filled = bits.rstrip(b"\0")
        offset = len(filled) - len(filled.lstrip(b"\0"))
        name = f"{'line' if was_frozen else 'lobby'}:{ended}"
        return PresenceWindow(ended, name, offset, bytes(filled[offset:]))

    async def report(self, noted: PresenceWindow) -> None:
        """Adds a window to the store's."""
        await self._calls.mark_present(
            self._ref, noted.window, noted.name, noted.offset, noted.bits
        )
