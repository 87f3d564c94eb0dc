"""Shows batches in the running notebook.

In comes a batch from the session, out go its card and the static twin, kept in step by the background thread until
every clip is done. A headless run gets one plain, final display instead.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import HailuoError
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.card import CardPainter, show_static
from hailuo_nb.notebook.compare import SideBySide
from hailuo_nb.notebook.compose import card_of
from hailuo_nb.notebook.sheet import thumbnail
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.session import aftercare, comparing
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.session import Terms

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session


# So long a failed clip keeps its buttons; then the card becomes static, because a saved widget reopens as a blank.
BUTTONS_STAY_S = 600.0


class Front:
    """The notebook side of one session.

    Parameters
    ----------
    session : Session
        Gives variants and takes what a person answers.
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    """

    def __init__(self, session: Session, shell: Any) -> None:
        self._session = session
        self._shell = shell
        self._shown = 0
        self._last: tuple[str, int] | None = None
        self._scenes: set[_Scene] = set()

    def attach(self) -> None:
        """Let the shell show frames as small pictures; their bytes may be megabytes."""
        formatter = self._shell.display_formatter.formatters["image/jpeg"]
        formatter.for_type(ImageRef, lambda picture: thumbnail(picture.data, 480) if picture.data else None)

    def compare(self, what: object, *, x: str | None = None, y: str | None = None) -> SideBySide:
        """Give what shows clips side by side."""
        return SideBySide(self._session, self._shell, comparing.found(self._session, what), x=x, y=y)

    def show(self, batch: Batch) -> bool:
        """Show a batch in the running cell, once."""
        here = (batch.id, int(self._shell.execution_count))
        if here == self._last:
            return True
        self._last = here
        self._shown += 1
        scene = _Scene(self._session, batch, f"hailuo-{batch.id}-{self._shown}")
        has_widgets = look_around(self._shell).has_widgets
        if batch.is_headless or not has_widgets or (batch.done() and not batch.held):
            scene.show_once()
        else:
            self._scenes.add(scene)
            scene.show_live(lambda: self._scenes.discard(scene))
        return True


class _Scene:
    """One showing of one batch."""

    def __init__(self, session: Session, batch: Batch, display_id: str) -> None:
        self._session = session
        self._batch = batch
        self._display_id = display_id
        self._painter: CardPainter | None = None
        self._stop: Callable[[], None] = _nothing
        self._ended: Callable[[], None] = _nothing

    def show_once(self) -> None:
        """Display the batch as it is, without a widget."""
        show_static(self._card(), self._posters(), display_id=self._display_id)

    def show_live(self, ended: Callable[[], None]) -> None:
        """Display card and twin, and keep them in step."""
        self._ended = ended
        self._painter = CardPainter(
            self._display_id,
            call_later=_call_later,
            on_message=self._on_message,
            clip_bytes=self._clip_bytes,
        )
        self._painter.show(self._card(), self._posters())
        self._stop = self._batch.observe(self._on_change)

    def _card(self) -> Any:
        batch = self._batch
        variants = {job.variant: self._session.variant_of(job) for job in batch.jobs}
        known = {name: variant for name, variant in variants.items() if variant is not None}
        return card_of(batch, known, self._session.speed_of(batch.service))

    def _posters(self) -> Mapping[str, bytes]:
        return {str(n): place.job.poster for n, place in enumerate(self._batch.places) if place.job.poster}

    def _on_change(self, _job: Job) -> None:
        """Draw again; on the background thread."""
        if self._painter is None:
            return
        card = self._card()
        if self._is_moving():
            self._painter.update(card, self._posters())
        elif self._painter.is_answered and any(clip.actions for clip in card.clips):
            self._painter.update(card, self._posters())
            _call_later(BUTTONS_STAY_S, self._end)
        else:
            self._end()

    def _is_moving(self) -> bool:
        """Tell whether something happens by itself, or somebody is asked."""
        return not self._batch.done() or bool(self._batch.held)

    def _end(self) -> None:
        """Hand over to the static card, unless a button has set something going meanwhile."""
        if self._painter is None or self._is_moving():
            return
        self._stop()
        self._painter.finish(self._card(), self._posters())
        self._ended()

    def _on_message(self, content: dict[str, Any]) -> None:
        """Hand what a person did to the session; the work happens on the background thread."""
        name, job = content.get("name"), self._job_at(content.get("key"))
        if name == "confirm":
            try:
                usd = Decimal(str(content.get("sum")))
            except InvalidOperation:
                return
            self._session.confirm(self._batch, usd)
        elif name == "decline":
            for held in self._batch.held:
                held.cancel()
        elif job is not None and name == "cancel":
            job.cancel()
        elif job is not None and name in {"retry", "resend", "abandon"}:
            threading.Thread(
                target=self._again, args=(str(name), job), name="hailuo-again", daemon=True
            ).start()

    def _again(self, name: str, job: Job) -> None:
        """Do what a button said; away from the kernel's thread, which may be about to run a cell."""
        try:
            if name == "abandon":
                aftercare.abandon(self._session, job)
            else:
                # The button said the price, so pressing it is the yes; the budget holds all the same.
                self._take_in(job, aftercare.again(self._session, job, Terms(yes=True)))
        except HailuoError as error:
            text = str(error)
            self._session.runner(job.service).call(lambda: job.show(note=text))

    def _take_in(self, old: Job, new: Job) -> None:
        """Show the new attempt in the place of the old one."""
        places = tuple(replace(p, job=new, is_new=True) if p.job is old else p for p in self._batch.places)
        self._batch = replace(self._batch, places=places)
        stop, also = self._stop, new.observe(self._on_change)
        self._stop = lambda: (stop(), also())[0]

    def _job_at(self, key: object) -> Job | None:
        places = self._batch.places
        if isinstance(key, str) and key.isdecimal() and int(key) < len(places):
            return places[int(key)].job
        return None

    def _clip_bytes(self, key: str) -> bytes | None:
        job = self._job_at(key)
        if job is None or job.path is None or not job.path.is_file():
            return None
        return job.path.read_bytes()


def _call_later(seconds: float, callback: Callable[[], None]) -> object:
    """Call back on the background loop, which is the one that is running here."""
    return asyncio.get_running_loop().call_later(seconds, callback)


def _nothing() -> None:
    """Stand in for what is not set yet."""
