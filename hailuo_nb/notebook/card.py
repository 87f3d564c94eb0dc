"""The live card of a cell: one widget while clips are made, and its static twin in the next output.

In come :class:`~hailuo_nb.notebook.view.CardView` states from the background loop, out go at most four widget
updates a second (of a long card only what changed), a twin rewritten when a clip arrives, and at the end a plain line
in the widget's place: a saved widget would reopen as "Loading widget...". The front end then moves its card over to the
twin's output, so that whoever sits there still has the buttons.
What a person does on the card comes back as a message and goes to the owner, who hands it to the background
loop.

From a background thread only two ways reach the right cell (measured): a widget's own comm, and
``update_display`` with a raw bundle. ``print`` and ``display`` land in whichever cell is running, so nothing
here uses them after :meth:`CardPainter.show`.

Messages from the front end: ``{"type": "hello", "page": id}``, ``{"type": "need", "keys": [...]}`` (posters),
``{"type": "bytes", "key": ...}`` (the clip itself, where no URL reaches it) and ``{"type": "action", "name":
..., "key": ..., "sum": ...}``. Messages to it: ``{"type": "posters", "keys": [...]}`` with one buffer each,
``{"type": "bytes", "key": ...}`` with one buffer or none, ``{"type": "changes", ...}`` with clips that changed, and
``{"type": "now", "ms": ...}``, because the two clocks may differ.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

import anywidget
import traitlets
from IPython.display import publish_display_data

from hailuo_nb.notebook.scripts import joined
from hailuo_nb.notebook.twin import headline_html, twin_bundle, twin_text
from hailuo_nb.notebook.view import CardView, ClipView

__all__ = ["CardPainter", "CardWidget", "Pace", "publish_raw", "show_static"]

_CARD_GAP_S = 0.25
_TWIN_GAP_S = 2.0
# What says how long a clip is on its way may be wrong by so much of that: some hundred times a day, not thousands.
_TICK_SHARE = 0.1
# 200 clips are 100 kB a state: at this rate a long card updates twice a second, a short one four times.
_CARD_BYTES_PER_S = 250_000
# The twin is what a save in between would keep; where a widget shows all, a long one is rewritten every ten seconds.
_TWIN_BYTES_PER_S = 30_000
_HELLO_WITHIN_S = 5.0
# A card that is finished at once waits so long for a front end to take it over; a busy kernel hears it late.
_REST_WITHIN_S = 20.0
_REST_LOOK_S = 0.25
_POSTERS_A_MESSAGE = 20

# What the twin shows of a clip: all but the times, which pass.
_MOVING = {"started_ms", "elapsed_s", "typical_s"}
_STILL = attrgetter(*(item.name for item in fields(ClipView) if item.name not in _MOVING))

CallLater = Callable[[float, Callable[[], None]], object]
Publish = Callable[[Mapping[str, Any], str, bool], None]


class CardWidget(anywidget.AnyWidget):
    """One flat widget for all clips of a cell.

    Its trait is written by one thread only; what the person does comes back as messages, never as a trait.
    """

    _esm = joined("players.js", "card.js")
    _css = joined("card.css", "grid.css")
    card = traitlets.Dict().tag(sync=True)
    _is_quiet = False

    def keep(self, card: dict[str, Any]) -> None:
        """Hold a state for pages that come later, without sending it to those that were told what changed."""
        self._is_quiet = True
        try:
            self.card = card
        finally:
            self._is_quiet = False

    def notify_change(self, change: Any) -> None:
        """Send a change, unless it was told in another way."""
        if self._is_quiet:
            traitlets.HasTraits.notify_change(self, change)
        else:
            super().notify_change(change)


class CardPainter:
    """Keeps what a cell shows in step with its clips.

    :meth:`show` is called in the cell, or :meth:`make_room` there and :meth:`show` on the background loop;
    :meth:`update` and :meth:`rest` on the background loop.

    Parameters
    ----------
    display_id : str
        Unique in the kernel; the two outputs are ``<display_id>-card`` and ``<display_id>-twin``.
    call_later : callable
        ``call_later(seconds, callback)`` of the background loop.
    on_message : callable, optional
        Called with each action of a person, on whatever thread the kernel handles messages.
    clip_bytes : callable, optional
        Gives the file of a clip by its key, or None, for front ends that no URL of the server reaches.
    now, epoch_ms : callable, optional
        The clocks.
    publish : callable, optional
        ``publish(bundle, display_id, is_update)``.

    Examples
    --------
    >>> painter = CardPainter("hailuo-1", call_later=loop.call_later)  # doctest: +SKIP
    >>> painter.show(card, {})  # doctest: +SKIP
    """

    def __init__(
        self,
        display_id: str,
        *,
        call_later: CallLater,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        clip_bytes: Callable[[str], bytes | None] | None = None,
        now: Callable[[], float] = time.monotonic,
        epoch_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        publish: Publish | None = None,
    ) -> None:
        self.display_id = display_id
        self.widget: CardWidget | None = None
        self._call_later = call_later
        self._on_action = on_message
        self._clip_bytes = clip_bytes
        self._now = now
        self._epoch_ms = epoch_ms
        self._publish = publish or publish_raw
        self._card: CardView | None = None
        self._posters: dict[str, bytes] = {}
        self._pushed: set[str] = set()
        self._pages: set[str] = set()
        self._shown_at = 0.0
        self._shown_twin: object = None
        self._is_closed = False
        self._is_resting = False
        self._has_line = False
        self._is_ticking = False
        self._has_room = False
        self._card_pace = Pace(self._paint_card, call_later, now, _CARD_GAP_S, _CARD_BYTES_PER_S)
        self._twin_pace = Pace(self._paint_twin, call_later, now, _TWIN_GAP_S, _TWIN_BYTES_PER_S)

    @property
    def is_answered(self) -> bool:
        """Whether a front end has shown the widget."""
        return bool(self._pages)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is drawn any more."""
        return self._is_closed

    def make_room(self) -> None:
        """Display two empty outputs in the running cell, which :meth:`show` fills from any thread."""
        self._has_room = True
        for part in ("card", "twin"):
            self._publish({"text/plain": ""}, f"{self.display_id}-{part}", False)

    def show(self, card: CardView, posters: Mapping[str, bytes]) -> None:
        """Display widget and twin in the running cell, or in the room that was made there.

        Parameters
        ----------
        card : CardView
            The first state.
        posters : mapping of str to bytes
            JPEGs of the clips that are there already, by clip key.
        """
        self._take(card, posters)
        self._shown_at = self._now()
        self.widget = CardWidget(card=card.to_dict())
        self.widget.on_msg(self._on_msg)
        self._pushed = set(self._posters)  # the front end asks for these when it draws
        live: dict[str, Any] = dict((self.widget._repr_mimebundle_() or ({}, {}))[0])
        live["text/plain"] = ""  # the twin says it, and text is said once
        self._publish(live, f"{self.display_id}-card", self._has_room)
        self._shown_twin = self._twin_state()
        bundle = twin_bundle(card, self._posters, has_widget=True)
        self._publish(bundle, f"{self.display_id}-twin", self._has_room)

    def update(self, card: CardView, posters: Mapping[str, bytes]) -> None:
        """Show a new state soon; of several in quick succession the last one.

        Parameters
        ----------
        card, posters
            As in :meth:`show`.
        """
        if self._is_closed:
            return
        self._is_resting = False
        self._take(card, posters)
        self._card_pace.ask()
        if self._twin_state() != self._shown_twin:
            self._twin_pace.ask()
        if not self._is_ticking:
            self._is_ticking = True
            self._call_later(_HELLO_WITHIN_S, self._tick)

    def rest(self, card: CardView, posters: Mapping[str, bytes]) -> None:
        """Nothing moves any more: leave static outputs, which a saved notebook shows without a kernel.

        The widget lives on where a front end has taken it over, and hears what a person does there; an
        :meth:`update` sets it going again. A page that was reloaded meanwhile gets no display updates any more
        (measured); there the widget's output stays, and shows the final clips by itself.

        Parameters
        ----------
        card, posters
            As in :meth:`show`.
        """
        if self._is_closed:
            return
        self._take(card, posters)
        if not self._is_resting:
            self._is_resting = True
            self._settle()
        else:
            self._settle(is_again=True)

    def _settle(self, *, is_again: bool = False) -> None:
        """Replace the outputs as soon as a front end can take the card over, or none has come."""
        if self._is_closed or not self._is_resting or self._card is None:
            return
        if not self.is_answered and self._now() - self._shown_at < _REST_WITHIN_S:
            if not is_again:
                self._call_later(_REST_LOOK_S, self._settle)
            return
        if is_again and self._has_line and self._twin_state() == self._shown_twin:
            return  # written anew, a clip that plays would stop
        self._has_line = True
        self._take(self._card, self._posters)
        self._paint_card()
        self._shown_twin = self._twin_state()
        self._publish(
            twin_bundle(self._card, self._posters, has_headline=False), f"{self.display_id}-twin", True
        )
        self._publish(_line_bundle(self._card), f"{self.display_id}-card", True)
        if not self.is_answered:
            self.close()

    def close(self) -> None:
        """Stop drawing; the twin stays as it is."""
        self._is_closed = True
        if self.widget is not None:
            self.widget.close()

    def _take(self, card: CardView, posters: Mapping[str, bytes]) -> None:
        """Remember the newest state."""
        self._card = replace(card, is_over=self._has_line)
        self._posters = {key: data for key, data in posters.items() if data}

    def _twin_state(self) -> object:
        """Give what the twin shows, so that it is rewritten only when that changes."""
        if self._card is None:
            return None
        clips = tuple(map(_STILL, self._card.clips))
        return replace(self._card, clips=(), until_ms=None, pace=""), clips, frozenset(self._posters)

    def _paint_card(self) -> int:
        """Write the widget's trait and send posters that are new; give the bytes it took."""
        if self.widget is None or self._card is None:
            return 0
        state = self._card.to_dict()
        changes = _changes(self.widget.card, state) if self._card.is_table else None
        if changes is None:
            self.widget.card = sent = state
        else:
            self.widget.keep(state)
            sent = changes
            if any(changes[part] for part in ("clips", "head", "gone")):
                self._send(changes)
        fresh = [key for key in self._posters if key not in self._pushed]
        self._pushed.update(fresh)
        return len(json.dumps(sent)) + self._send_posters(fresh)

    def _paint_twin(self) -> int:
        """Rewrite the twin in its place; give the bytes it took."""
        if self._is_closed or self._is_resting or self._card is None:
            return 0
        self._shown_twin = self._twin_state()
        is_alone = not self.is_answered and self._now() - self._shown_at >= _HELLO_WITHIN_S
        now_ms = self._epoch_ms() if is_alone else None
        bundle = twin_bundle(
            self._card,
            self._posters,
            has_headline=not self._has_line,
            has_sheet=False,
            has_widget=not self._has_line,
            now_ms=now_ms,
        )
        self._publish(bundle, f"{self.display_id}-twin", True)
        return sum(len(part) for part in bundle.values())

    def _tick(self) -> None:
        """Move the twin's own progress on, as long as no widget does."""
        if self._is_closed or self._is_resting or self.is_answered or self._card is None:
            self._is_ticking = False
            return
        if not self._card.is_final:
            self._twin_pace.ask()
        # Seldom after a while: where the page was closed the server keeps every message for when it comes back.
        age_s = self._now() - self._shown_at
        self._call_later(max(_TWIN_GAP_S, age_s * _TICK_SHARE), self._tick)

    def _send_posters(self, keys: Sequence[str]) -> int:
        """Send posters, a handful in a message; give the bytes they took."""
        posters, count = self._posters, 0
        there = [key for key in keys if key in posters]
        for start in range(0, len(there), _POSTERS_A_MESSAGE):
            part = there[start : start + _POSTERS_A_MESSAGE]
            buffers = [posters[key] for key in part]
            count += sum(map(len, buffers))
            self._send({"type": "posters", "keys": part}, buffers)
        return count

    def _on_msg(self, _widget: object, content: object, _buffers: object) -> None:
        """Answer the front end, or hand a person's action to the owner."""
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        if kind == "hello":
            self._pages.add(str(content.get("page", "")))
            self._send({"type": "now", "ms": self._epoch_ms()})
        elif kind == "need":
            self._send_posters([str(key) for key in content.get("keys", [])])
        elif kind == "bytes":
            self._send_clip(str(content.get("key", "")))
        elif kind == "action" and self._on_action is not None:
            self._on_action(content)

    def _send_clip(self, key: str) -> None:
        """Send a clip's file to a front end that cannot fetch it; no buffer says that it is not here."""
        known = self._card is not None and any(clip.key == key for clip in self._card.clips)
        data = self._clip_bytes(key) if known and self._clip_bytes is not None else None
        self._send({"type": "bytes", "key": key}, [data] if data else [])

    def _send(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message to the front end, if there is still a widget."""
        if self.widget is not None:
            self.widget.send(content, buffers=list(buffers))


def show_static(
    card: CardView, posters: Mapping[str, bytes], *, display_id: str = "", publish: Publish | None = None
) -> None:
    """Display a card once, without a widget: headless, in a terminal, and to show a card again.

    Parameters
    ----------
    card, posters
        As in :meth:`CardPainter.show`.
    display_id : str
        To rewrite it later; empty if nobody will.
    publish : callable, optional
        As in :class:`CardPainter`.
    """
    (publish or publish_raw)(twin_bundle(card, posters), display_id, False)


class Pace:
    """Runs a job at once or when it next may: at most every `gap` seconds, slower if it is large."""

    def __init__(
        self, run: Callable[[], int], call_later: CallLater, now: Callable[[], float], gap: float, rate: float
    ) -> None:
        self._run = run
        self._call_later = call_later
        self._now = now
        self._gap = gap
        self._rate = rate
        self._next = float("-inf")
        self._is_waiting = False

    def ask(self) -> None:
        """Run the job now or at the next allowed moment."""
        if self._is_waiting:
            return
        wait = self._next - self._now()
        if wait <= 0:
            self._go()
        else:
            self._is_waiting = True
            self._call_later(wait, self._go)

    def _go(self) -> None:
        """Run the job and set the next allowed moment."""
        self._is_waiting = False
        size = self._run()
        self._next = self._now() + max(self._gap, size / self._rate)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give what a front end that has `old` needs to have `new`; None where it needs all of it."""
    before = [clip["key"] for clip in old.get("clips", ())]
    if before != [clip["key"] for clip in new["clips"]]:
        return None
    return {
        "type": "changes",
        "clips": [clip for clip, was in zip(new["clips"], old["clips"], strict=True) if clip != was],
        "head": {name: value for name, value in new.items() if name != "clips" and value != old.get(name)},
        "gone": [name for name in old if name not in new],
    }


def _line_bundle(card: CardView) -> dict[str, str]:
    """Give what stands in the widget's place at the end: the quote line alone."""
    alone = replace(card, clips=(), prompt="", note="")
    text = twin_text(alone)
    return {"text/html": headline_html(card), "text/plain": text} if text else {"text/plain": ""}


def publish_raw(bundle: Mapping[str, Any], display_id: str, is_update: bool) -> None:
    """Publish a raw bundle; an update goes to the cell that first showed the id, from any thread."""
    transient = {"display_id": display_id} if display_id else {}
    publish_display_data(  # type: ignore[no-untyped-call]
        dict(bundle), transient=transient, update=is_update
    )
