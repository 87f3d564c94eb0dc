"""How a scene keeps its card in step with very many clips."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook import front
from hailuo_nb.notebook.compose import Known
from hailuo_nb.notebook.front import _Scene


class Painter:
    """Counts what it is given."""

    is_answered = False

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def update(self, card: Any, _posters: Any) -> None:
        """Take a state."""
        self.drawn.append(card)

    def rest(self, card: Any, _posters: Any) -> None:
        """Take the last state."""
        self.drawn.append(f"last {card}")


class Clips:
    """A batch of which only the end matters here."""

    held = ()
    places = ()
    is_done = False

    def done(self) -> bool:
        """Tell whether nothing more is to come."""
        return self.is_done


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callable[[], None]]]:
    """Collect what would be called later, with its seconds."""
    asked: list[tuple[float, Callable[[], None]]] = []
    monkeypatch.setattr(front, "_looked_up", lambda *_, **__: Known({}, 1.0))
    monkeypatch.setattr(front, "_call_later", lambda seconds, call: asked.append((seconds, call)))
    return asked


def test_many_changes_are_drawn_once(later: list[tuple[float, Callable[[], None]]]) -> None:
    """A thousand changes in a row make one state, the newest; the last change of all is drawn at once."""
    batch, painter, states = Clips(), Painter(), iter("abc")
    scene = _Scene(None, batch, "x", (None, 1), lambda _: None)  # type: ignore[arg-type]
    scene._painter, scene._card = painter, lambda: next(states)  # type: ignore[assignment, method-assign]
    for _ in range(1000):
        scene._on_change(None)  # type: ignore[arg-type]
    assert painter.drawn == []
    assert len(later) == 1
    later[0][1]()
    assert painter.drawn == ["a"]
    scene._drawing_s = 0.5
    scene._on_change(None)  # type: ignore[arg-type]
    assert round(later[1][0], 1) == 25.0, "what takes long to draw is drawn seldom"
    batch.is_done = True
    scene._on_change(None)  # type: ignore[arg-type]
    assert painter.drawn[1] == "last b"


@pytest.mark.parametrize(
    ("clips", "is_done", "may_wait", "is_behind"),
    [(12, True, True, False), (13, True, False, True), (1, False, True, True), (1, False, False, False)],
)
def test_a_card_that_moves_or_is_long_is_drawn_behind_its_cell(
    monkeypatch: pytest.MonkeyPatch, clips: int, *, is_done: bool, may_wait: bool, is_behind: bool
) -> None:
    """Clips that are here are shown when the cell ends; for the others the cell only makes room, where that works."""
    did: list[str] = []
    handed: list[Callable[[], None]] = []
    painter = SimpleNamespace(
        make_room=lambda: did.append("room"),
        show=lambda *_: did.append("shown"),
        is_closed=False,
        widget=None,
    )
    batch = SimpleNamespace(
        places=range(clips),
        service="simulator",
        observe=lambda _: lambda: None,
        done=lambda: is_done,
        held=(),
    )
    session = SimpleNamespace(runner=lambda _: SimpleNamespace(call=lambda *call: handed.append(call[-1])))
    monkeypatch.setattr(front, "_looked_up", lambda *_, **__: Known())
    monkeypatch.setattr(front, "CardPainter", lambda *_, **__: painter)
    scene = _Scene(session, batch, "x", (None, 1), lambda _: None)  # type: ignore[arg-type]
    scene._card, scene._posters = lambda: None, dict  # type: ignore[assignment, method-assign, return-value]
    scene.show_live(may_wait=may_wait)
    assert did == (["room"] if is_behind else ["shown"])
    for call in handed:
        call()
    assert did == (["room", "shown"] if is_behind else ["shown"])


def test_use_again_fills_the_form_that_is_open_or_says_how_to_open_one() -> None:
    """The button of a clip hands it to the form; without a form it costs nothing and names the command."""
    shown, filled = front.Front(None, None), []  # type: ignore[arg-type]
    clip: Any = SimpleNamespace(id="k3m8x2ab")
    with pytest.raises(InvalidRequest, match="%hailuo form k3m8x2ab"):
        shown.use_again(clip)
    shown.fill = filled.append
    shown.use_again(clip)
    assert filled == [clip]
