"""Runs checks side by side; whatever happens, each becomes a row.

In come names and functions that give rows; out go the rows in that order. A check that fails is a row, and so is one
that does not come back in time: its thread is left behind, which is why no check may hold a lock that others need.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hailuo_nb.errors import HailuoError

__all__ = ["BROKEN", "LOOK", "OK", "Check", "Question", "examine"]

OK, LOOK, BROKEN = "ok", "look", "broken"
"""The three states: fine, worth a look, does not work."""

EACH_S = 2.0


@dataclass(frozen=True)
class Check:
    """One row.

    Attributes
    ----------
    what : str
        What was looked at.
    state : str
        ``ok``, ``look`` or ``broken``.
    value : str
        What was found; no key, path, user or machine.
    do : str
        What to do about it; empty where there is nothing to do.
    """

    what: str
    state: str
    value: str
    do: str = ""


Question = Callable[[], Check | Sequence[Check]]


def examine(questions: Sequence[tuple[str, Question]], seconds: float = EACH_S) -> list[Check]:
    """Ask all questions at once, and wait so long at the most.

    Parameters
    ----------
    questions : sequence of (str, callable)
        What each is about, and what gives its rows.
    seconds : float
        After which the answer of a question is that there is none.
    """
    answers: dict[int, list[Check]] = {}

    def ask(number: int, what: str, question: Question) -> None:
        try:
            found = question()
            answers[number] = [found] if isinstance(found, Check) else list(found)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the table
            answers[number] = [Check(what, BROKEN, _said(error), "Please put this table into an issue.")]

    threads = []
    for number, (what, question) in enumerate(questions):
        thread = threading.Thread(
            target=ask, args=(number, what, question), name=f"hailuo-doctor-{number}", daemon=True
        )
        # Without the cell's context: a check must not end up writing into the cell.
        contextvars.Context().run(thread.start)
        threads.append(thread)
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = [Check("", LOOK, f"no answer in {seconds:g} s", "Run %hailuo doctor again; is the machine busy?")]
    return [
        Check(what, row.state, row.value, row.do) if not row.what else row
        for number, (what, _) in enumerate(questions)
        for row in answers.get(number, late)
    ]


def _said(error: Exception) -> str:
    """Name an error; only our own messages are known to hold no path and no key."""
    if isinstance(error, HailuoError):
        return str(error)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"the check itself failed: {type(error).__name__}{f', {reason}' if reason else ''}"
