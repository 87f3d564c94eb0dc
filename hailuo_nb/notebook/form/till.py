"""Which showing of the button is good for a click, and that each is good for one.

In comes what a button shows, out goes its stamp; a click brings the stamp back and takes it, once. A double click, a
second tab and a message that came twice all bring the same stamp.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal

from hailuo_nb.notebook.form.state import FormState

__all__ = ["Shown", "Till"]


@dataclass(frozen=True)
class Shown:
    """One showing of the button.

    Attributes
    ----------
    stamp : int
        Its number.
    state : FormState
        What stood in the form.
    usd : Decimal or None
        The sum on the button, in US dollars; None where it said that nobody knows.
    """

    stamp: int
    state: FormState
    usd: Decimal | None


class Till:
    """Gives out stamps and takes each back once; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp = 0
        self._shown: Shown | None = None
        self._spent: FormState | None = None

    def show(self, state: FormState, usd: Decimal | None) -> int:
        """Give the stamp of a button: the same one as long as it says the same, 0 where it was pressed already."""
        with self._lock:
            if state == self._spent:
                return 0
            self._spent = None
            if self._shown is None or (self._shown.state, self._shown.usd) != (state, usd):
                self._stamp += 1
                self._shown = Shown(self._stamp, state, usd)
            return self._shown.stamp

    def hide(self, state: FormState) -> None:
        """Take the button away: nothing that was shown is good any more."""
        with self._lock:
            self._shown = None
            if state != self._spent:
                self._spent = None

    def take(self, stamp: object) -> Shown | None:
        """Take a stamp that a click brings; None where it was taken before, or the button says something else now.

        Until something in the form changes, the button stays pressed.
        """
        with self._lock:
            shown = self._shown
            if shown is None or shown.stamp != stamp:
                return None
            self._shown, self._spent = None, shown.state
            return shown

    def spend(self, state: FormState) -> None:
        """Note for what the taken stamp was used, where the form had changed under the click."""
        with self._lock:
            self._spent = state

    def give_back(self) -> None:
        """Arm the button again: nothing was sent for the stamp that was taken."""
        with self._lock:
            self._spent = None
