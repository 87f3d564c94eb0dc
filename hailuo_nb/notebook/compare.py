"""Clips side by side in the running notebook: ``%hailuo compare``, ``hn.compare`` and ``batch.compare()``.

In come clips that :mod:`hailuo_nb.session.comparing` has found; out go a widget and, in the next output, its static
twin, both kept in step with the clips as they arrive. The widget plays by itself. Stars, rejects and notes come back as
messages, are written into the ledger at once and answered, so that the page can show what still waits.

Messages from the front end: ``{"type": "need", "keys": [...]}`` (posters), ``{"type": "bytes", "key": ...}`` and
``{"type": "mark", "n": ..., "key": ..., "rating" or "remark": ...}``. Messages to it: ``posters`` and ``bytes`` as
from a card, and ``{"type": "kept", "n": ..., "error": ...}``.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from hailuo_nb.errors import HailuoError
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.card import Pace, publish_raw
from hailuo_nb.notebook.comparison import Compared, Comparison, lay_out
from hailuo_nb.notebook.comparison_twin import comparison_bundle
from hailuo_nb.notebook.compose import Known, Others, clip_of
from hailuo_nb.notebook.scripts import joined
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.view import ClipView, file_src
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.comparing import FileClip, Found

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["CompareWidget", "SideBySide"]

_GAP_S = 0.25
_TWIN_GAP_S = 2.0
_BYTES_PER_S = 250_000
_POSTERS_A_MESSAGE = 20
NOTE_LENGTH = 2000


class CompareWidget(anywidget.AnyWidget):
    """One flat widget for all clips of a comparison; its trait is written here only."""

    _esm = joined("players.js", "page.js", "step.js", "words.js", "tile.js", "compare.js")
    _css = joined("compare.css")
    comparison = traitlets.Dict().tag(sync=True)


class SideBySide:
    """Clips side by side and in step; shown where it is the value of a cell.

    Parameters
    ----------
    session : Session
        Whose clips they are, and whose ledger takes the stars.
    shell : IPython.core.interactiveshell.InteractiveShell or None
        The running shell.
    clips : sequence of Place or FileClip
        In order.
    x, y : str, optional
        The axes of columns and rows.

    Examples
    --------
    >>> hn.compare(batch, x="camera", y="variant")  # doctest: +SKIP
    >>> hn.compare(["hailuo/clips/a.mp4", "hailuo/clips/b.mp4"])  # doctest: +SKIP
    """

    def __init__(
        self,
        session: Session,
        shell: Any,
        clips: Sequence[Found],
        *,
        x: str | None = None,
        y: str | None = None,
        publish: Callable[[Mapping[str, Any], str, bool], None] = publish_raw,
    ) -> None:
        self._session = session
        self._shell = shell
        self._clips = tuple(clips)
        self._axes = {"x": x, "y": y}
        self._publish = publish
        self._id = ""
        self._is_headless = False
        self._pushed: set[str] = set()
        self._shown_twin: object = None
        self._paces: tuple[Pace, ...] = ()
        self._stops: list[Callable[[], None]] = []
        self.widget: CompareWidget | None = None
        self.comparison()  # a wrong axis is told at once, not when it is shown

    def __len__(self) -> int:
        return len(self._clips)

    def __repr__(self) -> str:
        shown = self.comparison()
        axes = " by ".join(name for name in (shown.y, shown.x) if name)
        return f"<{len(self)} clips side by side{', ' if axes else ''}{axes}>"

    def _ipython_display_(self) -> None:
        """Show widget and twin in the running cell; a second showing takes the place of the first."""
        around = look_around(self._shell) if self._shell is not None else None
        self._is_headless = around.is_headless if around else True
        if around is None or not around.has_widgets:
            print(comparison_bundle(self.comparison(), {})["text/plain"])  # noqa: T201 - a terminal shows text
            return
        if self._is_headless:
            for job in self._jobs():  # what comes after the cell is lost: clips on their way, and posters
                job.wait()
            self._publish(comparison_bundle(self.comparison(), self.posters()), "", False)
            return
        self.close()
        self._id = f"compare-{uuid.uuid4().hex[:12]}"
        self._show_live()

    def close(self) -> None:
        """End the widget; the twin stays."""
        for stop in self._stops:
            stop()
        self._stops = []
        if self.widget is not None:
            self.widget.close()
            self.widget = None

    def comparison(self) -> Comparison:
        """Give everything as it is now."""
        jobs = [each for each in self._clips if isinstance(each, Place)]
        batch = Batch("compare", tuple(jobs), self._session, is_headless=self._is_headless)
        clips = [
            self._of_place(str(number), each, batch)
            if isinstance(each, Place)
            else _of_file(str(number), each)
            for number, each in enumerate(self._clips)
        ]
        return lay_out(clips, id_=self._id, is_headless=self._is_headless, **self._axes)

    def posters(self) -> dict[str, bytes]:
        """Give the posters that are there, by key."""
        found = {
            str(number): each.job.poster if isinstance(each, Place) else each.poster
            for number, each in enumerate(self._clips)
        }
        return {key: data for key, data in found.items() if data}

    def _of_place(self, key: str, place: Place, batch: Batch) -> Compared:
        """Say of a clip of the ledger what its card would say, and what a person thought of it."""
        job = place.job
        variant = self._session.variant_of(job)
        known = Known({job.variant: variant} if variant else {}, self._session.speed_of(job.service))
        view = clip_of(key, place, batch, known, Others.of(batch))
        return Compared(
            view=replace(view, actions=()),
            rating=job.row.rating,
            remark=job.row.note or "",
            can_rate=True,
            fps=job.row.fps or 0.0,
            seconds=job.row.duration_s or job.row.asked_duration_s or 0.0,
        )

    def _show_live(self) -> None:
        """Display the widget and its twin, and follow the clips that are still to come."""
        shown = self.comparison()
        self.widget = CompareWidget(comparison=shown.to_dict())
        self.widget.on_msg(self._on_msg)
        bundle: dict[str, Any] = dict((self.widget._repr_mimebundle_() or ({}, {}))[0])
        bundle["text/plain"] = ""  # the twin says it, and text is said once
        self._publish(bundle, f"{self._id}-widget", False)
        self._publish(comparison_bundle(shown, self.posters(), has_widget=True), f"{self._id}-twin", False)
        self._shown_twin = (shown, frozenset(self.posters()))
        self._paces = (
            Pace(self._paint, _call_later, time.monotonic, _GAP_S, _BYTES_PER_S),
            Pace(self._paint_twin, _call_later, time.monotonic, _TWIN_GAP_S, _BYTES_PER_S),
        )
        self._stops = [job.observe(self._on_change) for job in self._jobs()]

    def _jobs(self) -> list[Job]:
        """Give the jobs, each once."""
        return list(dict.fromkeys(each.job for each in self._clips if isinstance(each, Place)))

    def _on_change(self, _job: Job) -> None:
        """Draw again soon; on the background thread."""
        for pace in self._paces:
            pace.ask()

    def _paint(self) -> int:
        """Write the widget's trait and send posters that are new; give the bytes it took."""
        if self.widget is None:
            return 0
        state = self.comparison().to_dict()
        self.widget.comparison = state
        return len(json.dumps(state)) + self._send_posters(set(self.posters()) - self._pushed)

    def _paint_twin(self) -> int:
        """Rewrite the twin, if what it shows has changed; give the bytes it took."""
        shown, posters = self.comparison(), self.posters()
        state = (shown, frozenset(posters))
        if self.widget is None or state == self._shown_twin:
            return 0
        self._shown_twin = state
        bundle = comparison_bundle(shown, posters, has_widget=True)
        self._publish(bundle, f"{self._id}-twin", True)
        return sum(map(len, bundle.values()))

    def _send_posters(self, keys: set[str]) -> int:
        """Send posters, a handful in a message; give the bytes they took."""
        posters = self.posters()
        there = sorted(keys & posters.keys(), key=int)
        self._pushed.update(there)
        for start in range(0, len(there), _POSTERS_A_MESSAGE):
            part = there[start : start + _POSTERS_A_MESSAGE]
            self._send({"type": "posters", "keys": part}, [posters[key] for key in part])
        return sum(len(posters[key]) for key in there)

    def _on_msg(self, _widget: object, content: object, _buffers: object) -> None:
        """Answer the front end; never raises into the kernel's own log."""
        if not isinstance(content, dict):
            return
        kind, clip = content.get("type"), self._clip_at(content.get("key"))
        if kind == "need":
            self._send_posters({str(key) for key in content.get("keys", [])})
        elif kind == "bytes":
            data = self._bytes_of(clip)
            self._send({"type": "bytes", "key": content.get("key")}, [data] if data else [])
        elif kind == "mark":
            self._send({"type": "kept", "n": content.get("n"), "error": self._mark(clip, content)})

    def _mark(self, clip: Found | None, content: Mapping[str, Any]) -> str:
        """Write a mark down; give what went wrong, or an empty text."""
        if not isinstance(clip, Place):
            return "Only clips of this ledger take stars and notes."
        marks = {"rating": content["rating"]} if "rating" in content else {}
        if isinstance(content.get("remark"), str):
            marks["note"] = content["remark"].strip()[:NOTE_LENGTH] or None
        try:
            clip.job.rate(**marks)
        except HailuoError as error:
            return f"Not written: {error}"
        return ""

    def _clip_at(self, key: object) -> Found | None:
        is_known = isinstance(key, str) and key.isdecimal() and int(key) < len(self)
        return self._clips[int(str(key))] if is_known else None

    def _bytes_of(self, clip: Found | None) -> bytes | None:
        """Read a clip's file for a front end that no URL of the server reaches."""
        if clip is None:
            return None
        path = clip.job.path if isinstance(clip, Place) else self._session.folder / clip.file
        return path.read_bytes() if path is not None and path.is_file() else None

    def _send(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message to the front end, if there is still a widget."""
        if self.widget is not None:
            self.widget.send(content, buffers=list(buffers))


def _of_file(key: str, clip: FileClip) -> Compared:
    """Say of a file of the folder what can be said."""
    view = ClipView(
        key=key,
        name=clip.file.rpartition("/")[2],
        file=clip.file,
        src=file_src(clip.file),
        variant=clip.variant,
        prompt=clip.prompt,
        status="completed",
        word="done",
        is_simulated=clip.is_simulated,
        width=clip.width,
        height=clip.height,
        axes=clip.axes,
    )
    return Compared(view, fps=clip.fps, seconds=clip.duration_s)


def _call_later(seconds: float, callback: Callable[[], None]) -> object:
    """Call back on the background loop, which is the one that is running here."""
    return asyncio.get_running_loop().call_later(seconds, callback)
