"""Votes in the running notebook: ``%hailuo vote`` and ``hn.vote``.

In comes a ballot, which chooses the pairs and keeps the answers; out goes a widget that shows two clips at a time. What
the page gets of them are tokens without meaning and bytes: no name, path, price or address by which anybody could tell
one from the other. What a saved notebook holds is one line.

Messages from the front end: ``{"type": "bytes", "key": token}``, ``{"type": "vote", "token": ..., "answer": ...,
"took_ms": ...}`` and ``{"type": "undo"}``. Messages to it: ``bytes`` as from a card, and ``{"type": "answered",
"error": ...}``; the next pair is the widget's trait.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

import anywidget
import traitlets

from hailuo_nb.errors import HailuoError
from hailuo_nb.notebook.card import publish_raw
from hailuo_nb.notebook.markup import widget_hider
from hailuo_nb.notebook.scripts import joined
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.twin import batch_class
from hailuo_nb.notebook.view import plain

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["Ballot", "Pair", "Vote", "VoteWidget"]

ANSWERS = frozenset({"left", "right", "tie", "both_bad"})
NOBODY = "A vote needs somebody who looks: run this cell in a notebook."


class Pair(Protocol):
    """Two clips to choose between, by tokens that say nothing about them."""

    @property
    def left(self) -> str:
        """The one on the left."""
        ...

    @property
    def right(self) -> str:
        """The one on the right."""
        ...


class Ballot(Protocol):
    """What a vote asks of whoever chooses the pairs; `hailuo_nb.analysis.ballot.Ballot` is the one."""

    @property
    def given(self) -> int:
        """How many votes it has."""
        ...

    def left(self) -> int:
        """Tell how many votes are still asked for."""
        ...

    def next_pair(self) -> Pair | None:
        """Give the two clips to show now; the same ones until they are answered."""
        ...

    def clip(self, token: str) -> str:
        """Give the id of the clip behind a token of the present pair."""
        ...

    def answer(self, token: str, answer: str, *, took_ms: int | None = None) -> None:
        """Write down what was said of the present pair."""
        ...

    def undo(self) -> bool:
        """Take back the last vote."""
        ...


class VoteWidget(anywidget.AnyWidget):
    """Two clips and four answers; its trait is written here only."""

    _esm = joined("players.js", "page.js", "step.js", "vote.js")
    _css = joined("vote.css")
    vote = traitlets.Dict().tag(sync=True)


class Vote:
    """A session of voting; shown where it is the value of a cell, and gone on with by running the cell again.

    Parameters
    ----------
    session : Session
        Has the clips.
    shell : IPython.core.interactiveshell.InteractiveShell or None
        The running shell.
    ballot : Ballot
        Chooses the pairs and keeps the answers.
    then : str
        What shows the result: ``%hailuo rank fox``.
    publish : callable, optional
        ``publish(bundle, display_id, is_update)``.
    """

    def __init__(
        self,
        session: Session,
        shell: Any,
        ballot: Ballot,
        *,
        then: str,
        publish: Callable[[Mapping[str, Any], str, bool], None] = publish_raw,
    ) -> None:
        self.ballot = ballot
        self.widget: VoteWidget | None = None
        self._session = session
        self._shell = shell
        self._then = then
        self._publish = publish
        self._id = ""

    def __repr__(self) -> str:
        return f"<vote: {self._counts()}>"

    def _ipython_display_(self) -> None:
        """Show the next pair in the running cell; without anybody to look, or without a pair, a line."""
        around = look_around(self._shell) if self._shell is not None else None
        if around is None or not around.has_widgets or around.is_headless:
            self._publish(_line(NOBODY), "", False)
            return
        self.close()
        self._id = f"vote-{uuid.uuid4().hex[:12]}"
        state = self.state()
        if state["tokens"] is None:
            self._publish(_line(state["over"]), "", False)
            return
        self.widget = VoteWidget(vote=state)
        self.widget.on_msg(self._on_msg)
        bundle: dict[str, Any] = dict((self.widget._repr_mimebundle_() or ({}, {}))[0])
        bundle["text/plain"] = ""  # the twin says it, and text is said once
        self._publish(bundle, f"{self._id}-widget", False)
        self._publish(self._twin(), f"{self._id}-twin", False)

    def close(self) -> None:
        """End the widget; the votes stay."""
        if self.widget is not None:
            self.widget.close()
            self.widget = None

    def state(self) -> dict[str, Any]:
        """Give what the page is told: nothing that says which clip is which."""
        pair = self.ballot.next_pair()
        over = "" if pair else f"All {self.ballot.given} votes are given. {self._then} shows the order."
        return {
            "id": self._id,
            "tokens": [pair.left, pair.right] if pair else None,
            "left": self.ballot.left(),
            "can_undo": self.ballot.given > 0,
            "over": over,
        }

    def _counts(self) -> str:
        given = "1 vote given" if self.ballot.given == 1 else f"{self.ballot.given} votes given"
        return f"{given}, {self.ballot.left()} left"

    def _twin(self) -> dict[str, str]:
        """Give the line that a saved notebook keeps."""
        is_over = not self.ballot.left()
        text = f"A vote: {self._counts()}. " + (
            f"{self._then} shows the order." if is_over else "Run this cell to go on."
        )
        return _line(text, self._id)

    def _on_msg(self, _widget: object, content: object, _buffers: object) -> None:
        """Answer the front end."""
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        if kind == "bytes":
            data = self._bytes_of(str(content.get("key")))
            self._send({"type": "bytes", "key": content.get("key")}, [data] if data else [])
        elif kind in {"vote", "undo"}:
            error = self._do(content)
            self._go_on()
            self._send({"type": "answered", "error": error})

    def _do(self, content: Mapping[str, Any]) -> str:
        """Write an answer down, or take the last one back; give what went wrong, or an empty text."""
        took = content.get("took_ms")
        try:
            if content["type"] == "undo":
                self.ballot.undo()
            elif content.get("answer") in ANSWERS:
                self.ballot.answer(
                    str(content.get("token")),
                    str(content["answer"]),
                    took_ms=took if isinstance(took, int) else None,
                )
        except HailuoError as error:
            return f"Not written: {error}"
        return ""

    def _go_on(self) -> None:
        """Show the next pair, and how far it is."""
        if self.widget is None:
            return
        self.widget.vote = self.state()
        self._publish(self._twin(), f"{self._id}-twin", True)

    def _bytes_of(self, token: str) -> bytes | None:
        """Read one of the two clips of the present pair."""
        try:
            path = self._session.job(self.ballot.clip(token)).path
        except HailuoError:
            return None
        return path.read_bytes() if path is not None and path.is_file() else None

    def _send(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        if self.widget is not None:
            self.widget.send(content, buffers=list(buffers))


def _line(text: str, id_: str = "") -> dict[str, str]:
    """Give one line to display; with the id of a widget just before it, it hides what is left of that later."""
    name = f" {batch_class(id_)}" if id_ else ""
    hider = widget_hider("hailuo-cv-live", batch_class(id_)) if id_ else ""
    style = "margin:0;font-size:13px;line-height:20px"
    html = f'{hider}<div class="hailuo-twin{name}" style="{style}">{escape(plain(text))}</div>'
    return {"text/html": html, "text/plain": plain(text)}
