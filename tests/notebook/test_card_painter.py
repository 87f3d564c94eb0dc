"""The painter: what is sent when, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from hailuo_nb.notebook.card import CardPainter, CardWidget, show_static
from hailuo_nb.notebook.view import CardView, ClipView


class Stage:
    """A clock and a loop that move by hand, and an audience that remembers."""

    def __init__(self) -> None:
        self.time = 100.0
        self.jobs: list[tuple[float, Callable[[], None]]] = []
        self.shown: list[tuple[float, str, bool, Mapping[str, Any]]] = []
        self.actions: list[dict[str, Any]] = []
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.traits: list[tuple[float, dict[str, Any]]] = []
        self.painter = CardPainter(
            "d1",
            call_later=lambda delay, job: self.jobs.append((self.time + delay, job)),
            on_message=self.actions.append,
            clip_bytes={"0": b"mp4"}.get,
            now=lambda: self.time,
            epoch_ms=lambda: int(self.time * 1000),
            publish=lambda bundle, name, is_update: self.shown.append((self.time, name, is_update, bundle)),
        )

    def show(self, card: CardView, posters: Mapping[str, bytes] | None = None) -> None:
        """Show the card and listen to its widget."""
        self.painter.show(card, posters or {})
        widget = self.painter.widget
        assert widget is not None
        widget.send = lambda content, buffers: self.sent.append((content, buffers))
        widget.observe(lambda change: self.traits.append((self.time, change["new"])), "card")
        self.shown.clear()

    def pass_time(self, seconds: float) -> None:
        """Let the loop run on."""
        end = self.time + seconds
        while due := [job for job in self.jobs if job[0] <= end]:
            first = min(due, key=lambda job: job[0])
            self.jobs.remove(first)
            self.time = max(self.time, first[0])
            first[1]()
        self.time = end

    def say(self, **content: Any) -> None:
        """Send a message as the front end would."""
        self.painter._on_msg(None, content, [])


@pytest.fixture
def stage() -> Stage:
    """Give a stage with nothing on it."""
    return Stage()


def card(word: str = "working", **changes: Any) -> CardView:
    """Make a card of two clips, of which the first is in some way."""
    status = {"working": "processing", "done": "completed", "sent": "submitted"}[word]
    first = ClipView("0", caption="dawn", src="a.mp4", file="a.mp4", status=status, word=word, started_ms=1)
    other = ClipView("1", caption="noon", src="b.mp4", file="b.mp4", status=status, word=word, started_ms=1)
    return replace(CardView("b1", (first, other), headline="2 clips"), **changes)


def test_showing_makes_two_outputs_and_never_both_in_one(stage: Stage) -> None:
    """A trusted notebook would show "Loading widget..." even if HTML were beside it."""
    stage.painter.show(card(), {})
    (_, first, _, widget), (_, second, _, twin) = stage.shown
    assert (first, second) == ("d1-card", "d1-twin")
    assert set(widget) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert widget["text/plain"] == ""  # the twin says it
    assert ":not(:has(.hailuo-card))" in twin["text/html"]
    assert set(twin) == {"text/html", "text/plain"}


def test_room_made_in_the_cell_is_filled_from_behind_it(stage: Stage) -> None:
    """The cell is over with two empty outputs; widget and twin come into their places as updates."""
    stage.painter.make_room()
    assert [(name, is_update, bundle) for _, name, is_update, bundle in stage.shown] == [
        ("d1-card", False, {"text/plain": ""}),
        ("d1-twin", False, {"text/plain": ""}),
    ]
    stage.shown.clear()
    stage.painter.show(card(), {})
    assert [(name, is_update) for _, name, is_update, _ in stage.shown] == [
        ("d1-card", True),
        ("d1-twin", True),
    ]
    assert "application/vnd.jupyter.widget-view+json" in stage.shown[0][3]


def test_a_burst_of_updates_is_four_a_second_and_ends_with_the_last(stage: Stage) -> None:
    """A flood would be lost silently on the wire."""
    stage.show(card())
    for number in range(100):
        stage.painter.update(card(note=f"state {number}"), {})
        stage.pass_time(0.01)
    stage.pass_time(1)
    times = [time for time, _ in stage.traits]
    assert len(times) <= 6
    assert all(after - before >= 0.2499 for before, after in pairwise(times))
    assert stage.traits[-1][1]["note"] == "state 99"


@pytest.mark.parametrize(("count", "most"), [(1, 4), (20, 20), (200, 20)])
def test_however_many_clips_move_the_messages_of_a_second_are_few(
    stage: Stage, count: int, most: int
) -> None:
    """At most four a second and job, and twenty a second and cell; every clip moves four times and has a picture."""
    at: list[float] = []
    clips = [ClipView(str(n), src=f"{n}.mp4", status="submitted", word="sent") for n in range(count)]
    stage.show(CardView("b", tuple(clips)))
    stage.say(type="hello", page="p")
    widget = stage.painter.widget
    assert widget is not None
    widget.send = lambda *_, **__: at.append(stage.time)
    widget.observe(lambda _: None if widget._is_quiet else at.append(stage.time), "card")
    posters: dict[str, bytes] = {}
    for status, word in (
        ("processing", "working"),
        ("processing", "late"),
        ("downloading", "saving"),
        ("completed", "done"),
    ):
        for n in range(count):
            clips[n] = replace(clips[n], status=status, word=word)
            if word == "done":
                posters[str(n)] = b"jpeg"
            stage.painter.update(CardView("b", tuple(clips)), posters)
            stage.pass_time(0.02)
    stage.pass_time(5)
    assert widget.card["clips"][-1]["word"] == "done"
    moments = sorted([*at, *(time for time, _, _, _ in stage.shown)])
    assert max(sum(begin <= each < begin + 1 for each in moments) for begin in moments) <= most


def test_the_twin_is_rewritten_when_what_it_shows_changes_and_not_for_seconds(stage: Stage) -> None:
    """At most every two seconds."""
    stage.show(card())
    stage.say(type="hello", page="p")
    moving = card()
    for _ in range(10):
        stage.painter.update(replace(moving, until_ms=int(stage.time)), {})
        stage.pass_time(0.5)
    assert stage.shown == []
    stage.painter.update(card("done"), {"0": b"jpeg"})
    stage.painter.update(card("done"), {"0": b"jpeg", "1": b"jpeg"})
    stage.pass_time(10)
    assert [(name, is_update) for _, name, is_update, _ in stage.shown] == [("d1-twin", True)] * 2
    assert stage.shown[1][0] - stage.shown[0][0] >= 2


def test_posters_are_sent_once_when_they_arrive_and_again_when_asked_for(stage: Stage) -> None:
    """After a reload the front end asks; unknown keys are left out."""
    stage.show(card())
    stage.painter.update(card("done"), {"0": b"jpeg0"})
    stage.pass_time(1)
    stage.painter.update(card("done"), {"0": b"jpeg0", "1": b"jpeg1"})
    stage.pass_time(1)
    assert stage.sent == [({"type": "posters", "keys": [key]}, [f"jpeg{key}".encode()]) for key in "01"]
    stage.sent.clear()
    stage.say(type="need", keys=["1", "9", "0"])
    assert stage.sent == [({"type": "posters", "keys": ["1", "0"]}, [b"jpeg1", b"jpeg0"])]


def test_many_posters_go_a_handful_at_a_time(stage: Stage) -> None:
    """So that no single message is megabytes."""
    clips = tuple(ClipView(str(place), status="completed", word="done") for place in range(45))
    stage.show(CardView("b", clips), {clip.key: b"jpeg" for clip in clips})
    stage.say(type="need", keys=[clip.key for clip in clips])
    assert [len(buffers) for _, buffers in stage.sent] == [20, 20, 5]


def test_the_end_rewrites_the_twin_then_replaces_the_widgets_output(stage: Stage) -> None:
    """In this order, so that there is something to see at every moment; the widget itself still hears its buttons."""
    stage.show(card())
    stage.say(type="hello", page="p")
    widget = stage.painter.widget
    assert widget is not None
    stage.painter.rest(card("done"), {})
    assert [(name, is_update, set(bundle)) for _, name, is_update, bundle in stage.shown] == [
        ("d1-twin", True, {"text/html", "text/plain"}),
        ("d1-card", True, {"text/html", "text/plain"}),
    ]
    assert "2 clips" not in stage.shown[0][3]["text/html"]
    assert stage.shown[1][3]["text/plain"] == "2 clips"
    assert stage.traits[-1][1]["is_final"] is True
    assert stage.traits[-1][1]["is_over"] is True
    assert widget.comm is not None
    stage.say(type="action", name="take-2", key="0", sum="0.49")
    assert len(stage.actions) == 1
    stage.painter.close()
    assert widget.comm is None
    stage.painter.update(card(), {})
    stage.painter.rest(card(), {})
    stage.pass_time(30)
    assert len(stage.shown) == 2


def test_a_card_at_rest_is_written_anew_only_when_something_changed(stage: Stage) -> None:
    """What is written anew stops a clip that plays."""
    stage.show(card())
    stage.say(type="hello", page="p")
    stage.painter.rest(card("done"), {})
    stage.shown.clear()
    stage.painter.rest(card("done"), {})
    assert stage.shown == []
    stage.painter.rest(card("done", note="billed"), {})
    assert [name for _, name, _, _ in stage.shown] == ["d1-twin", "d1-card"]


def test_a_card_at_rest_is_set_going_again(stage: Stage) -> None:
    """A new take is drawn in both outputs, and at its end both are static again."""
    stage.show(card("done"))
    stage.say(type="hello", page="p")
    stage.painter.rest(card("done"), {})
    stage.shown.clear()
    stage.painter.update(card("working"), {})
    stage.pass_time(5)
    assert [name for _, name, _, _ in stage.shown] == ["d1-twin"]
    assert "2 clips" not in stage.shown[0][3]["text/html"]
    stage.painter.rest(card("done", headline="3 clips"), {})
    assert [name for _, name, _, _ in stage.shown] == ["d1-twin", "d1-twin", "d1-card"]
    assert stage.shown[-1][3]["text/plain"] == "3 clips"


def test_a_card_that_is_done_at_once_waits_for_a_front_end_to_take_it_over(stage: Stage) -> None:
    """A rerun of what is on disk has buttons too."""
    stage.show(card("done"))
    stage.painter.rest(card("done"), {})
    stage.painter.rest(card("done"), {})
    stage.pass_time(10)
    assert stage.shown == []
    stage.say(type="hello", page="p")
    stage.pass_time(1)
    assert [name for _, name, _, _ in stage.shown] == ["d1-twin", "d1-card"]


def test_where_no_front_end_comes_the_outputs_are_static_all_the_same(stage: Stage) -> None:
    """After twenty seconds, with the widget closed."""
    stage.show(card("done"))
    stage.painter.rest(card("done"), {})
    stage.pass_time(30)
    assert [name for _, name, _, _ in stage.shown] == ["d1-twin", "d1-card"]
    assert stage.painter.widget is not None
    assert stage.painter.widget.comm is None


def test_a_clip_that_nobody_looks_at_is_told_seldom(stage: Stage) -> None:
    """Every two seconds at first, some hundred times in its first day: a server keeps all of it for a closed page."""
    stage.show(card())
    stage.painter.update(card(), {})
    stage.pass_time(20)
    assert len(stage.shown) >= 8
    stage.pass_time(86_400)
    assert len(stage.shown) <= 120
    assert len({bundle["text/plain"] for _, _, _, bundle in stage.shown}) == len(stage.shown)


def test_of_a_long_card_only_what_changed_is_sent(stage: Stage) -> None:
    """One clip of two hundred is one small message, and a page that comes later still gets all of them."""
    clips = tuple(
        ClipView(str(n), caption=f"clip {n}", prompt="x" * 90, status="processing", word="working")
        for n in range(200)
    )
    stage.show(CardView("b", clips, note="sending"))
    done = (*clips[:7], replace(clips[7], status="completed", word="done"), *clips[8:])
    stage.painter.update(CardView("b", done), {})
    stage.pass_time(1)
    ((message, buffers),) = stage.sent
    assert ([clip["key"] for clip in message["clips"]], message["gone"], buffers) == (["7"], ["note"], [])
    assert message["head"] == {"counts": "1 of 200 done"}
    assert len(str(message)) < 1000
    assert stage.painter.widget is not None
    assert stage.painter.widget.card["clips"][7]["word"] == "done"
    stage.painter.update(CardView("b", done), {})
    stage.pass_time(1)
    assert len(stage.sent) == 1


def test_a_reloaded_page_keeps_its_widget(stage: Stage) -> None:
    """Display updates no longer reach it, so there the widget must show the end by itself."""
    stage.show(card())
    stage.say(type="hello", page="before")
    stage.say(type="hello", page="after")
    stage.painter.rest(card("done"), {"0": b"jpeg"})
    widget = stage.painter.widget
    assert widget is not None
    assert widget.comm is not None
    assert stage.traits[-1][1]["is_final"] is True
    assert stage.sent[-1] == ({"type": "posters", "keys": ["0"]}, [b"jpeg"])


def test_where_no_widget_answers_the_twin_tells_the_seconds(stage: Stage) -> None:
    """After five seconds, every two, and no more once a front end has answered."""
    stage.show(card())
    stage.painter.update(card(), {})
    stage.pass_time(4.9)
    assert stage.shown == []
    stage.pass_time(5)
    texts = [bundle["text/plain"] for _, _, _, bundle in stage.shown]
    assert len(texts) == 3
    assert "working · " in texts[0]
    assert len(set(texts)) == 3
    stage.say(type="hello", page="late")
    stage.pass_time(30)
    assert len(stage.shown) == 3


def test_a_front_end_learns_the_kernels_time(stage: Stage) -> None:
    """The two clocks may differ by minutes."""
    stage.show(card())
    stage.say(type="hello", page="p")
    assert stage.sent == [({"type": "now", "ms": 100_000}, [])]
    assert stage.painter.is_answered


def test_a_clip_is_sent_as_bytes_only_if_the_card_has_it(stage: Stage) -> None:
    """A front end cannot ask for other files; what is not here is an answer without bytes."""
    stage.show(card())
    for key in ("0", "1", "../../etc/passwd"):
        stage.say(type="bytes", key=key)
    assert [buffers for _, buffers in stage.sent] == [[b"mp4"], [], []]


def test_actions_reach_the_owner_and_nonsense_nobody(stage: Stage) -> None:
    """The painter itself does nothing on a click."""
    stage.show(card())
    action = {"type": "action", "name": "retry", "key": "0"}
    stage.say(**action)
    stage.say(type="unknown")
    stage.painter._on_msg(None, "text", [])
    assert stage.actions == [action]


def test_a_static_card_is_one_display(stage: Stage) -> None:
    """Headless, in a terminal, and to show a card again."""
    show_static(card("done"), {}, publish=lambda *shown: stage.shown.append((0, *shown[1:], shown[0])))
    ((_, name, is_update, bundle),) = stage.shown
    assert (name, is_update, set(bundle)) == ("", False, {"text/html", "text/plain"})


def test_the_script_is_small_and_writes_text_only_as_text() -> None:
    """Every instance stores it once; nothing in it can turn text into markup or code."""
    script = str(CardWidget._esm)
    assert len(script.encode()) < 30_000
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://", script
    )
    assert re.findall(r"^import\b|\bimport\(", script, re.MULTILINE) == []
