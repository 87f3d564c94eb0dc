"""Shows batches in the running notebook.

In comes a batch from the session, out go its card and the static twin, kept in step by the background thread until
every clip is done, and set going again by a button. A headless run gets one plain, final display instead.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import HailuoError, InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.card import CardPainter, CardWidget, Publish, show_static
from hailuo_nb.notebook.compose import MOST_EARLIER, Known, card_of
from hailuo_nb.notebook.frames import Frames
from hailuo_nb.notebook.sheet import page_jpeg, thumbnail
from hailuo_nb.notebook.surroundings import look_around, recognised
from hailuo_nb.notebook.view import CardView
from hailuo_nb.session import aftercare, takes
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.remaining import outlook_of
from hailuo_nb.session.session import Terms
from hailuo_nb.session.sheet import Sheet
from hailuo_nb.session.versions import previous_version

if TYPE_CHECKING:
    from hailuo_nb.notebook.compare import SideBySide
    from hailuo_nb.session.session import Session


# Cards at rest that still hear their buttons; of more, the oldest let go, and %hailuo show brings them back.
MOST_RESTING = 50
# A state of 200 clips takes some 15 ms to put together, and each of them changes six times: put together at every
# change it kept the kernel busy for minutes. So changes are gathered, the longer the more work they make.
GATHER_S = 0.05
MOST_OF_A_CORE = 0.02
# A longer card takes longer to draw than a cell may take to end.
MOST_DRAWN_IN_THE_CELL = 12
# What is drawn behind its cell waits for the first steps of its jobs, too: the ledger works on them meanwhile.
BEHIND_S = 0.005
# Where an output that another thread fills was seen to become a widget; elsewhere only long cards rely on it.
FILLED_LATER = frozenset({"Jupyter server", "a kernel"})


class Front:
    """The notebook side of one session.

    Parameters
    ----------
    session : Session
        Gives variants and takes what a person answers.
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.

    Attributes
    ----------
    fill : callable or None
        Fills the form that was opened last, where one is open.
    """

    def __init__(self, session: Session, shell: Any) -> None:
        self._session = session
        self._shell = shell
        self._shown = 0
        self._last: tuple[str, int] | None = None
        self._scenes: list[_Scene] = []
        self.fill: Callable[[Job], None] | None = None

    def attach(self) -> None:
        """Let the shell show frames and sheets as pictures that a notebook can keep, and tables of clips as tables."""
        formatters = self._shell.display_formatter.formatters
        jpeg = formatters["image/jpeg"]
        jpeg.for_type(ImageRef, lambda picture: thumbnail(picture.data, 480) if picture.data else None)
        jpeg.for_type(Sheet, lambda sheet: page_jpeg(sheet.png))
        formatters["image/png"].for_type(Sheet, lambda _: None)
        Frames(self._session, self._shell).attach()

    def compare(self, what: object, *, x: str | None = None, y: str | None = None) -> SideBySide:
        """Give what shows clips side by side."""
        from hailuo_nb.notebook.compare import SideBySide
        from hailuo_nb.session import comparing

        return SideBySide(self._session, self._shell, comparing.found(self._session, what), x=x, y=y)

    def use_again(self, job: Job) -> None:
        """Fill the form that was opened last with what made a clip.

        Raises
        ------
        InvalidRequest
            No form is open.
        """
        if self.fill is None:
            raise InvalidRequest(
                f"No form is open here: %hailuo form {job.id} opens one with this clip in it."
            )
        self.fill(job)

    def show(self, batch: Batch) -> bool:
        """Show a batch in the running cell, once."""
        here = (batch.id, int(self._shell.execution_count))
        if here == self._last:
            return True
        self._last = here
        self._shown += 1
        around = look_around(self._shell)
        name = f"hailuo-{batch.id}-{self._shown}"
        scene = _Scene(self._session, batch, name, (around.cell_id, here[1]), self.use_again)
        if batch.is_headless or not around.has_widgets:
            scene.show_once()
        else:
            self._let_go(scene)
            self._scenes.append(scene)
            scene.show_live(may_wait=recognised(self._shell, around)[0] in FILLED_LATER)
        return True

    def show_under(self, batch: Batch, publish: Publish) -> CardWidget | None:
        """Show a batch where `publish` puts it, from any thread; gives the live card."""
        self._shown += 1
        name = f"hailuo-{batch.id}-{self._shown}"
        scene = _Scene(self._session, batch, name, (None, self._shown), self.use_again, publish)
        self._scenes.append(scene)
        return scene.show_live()

    def _let_go(self, new: _Scene) -> None:
        """Close what an earlier run of this cell showed, which the front end has taken away, and very old cards."""
        cell_id, run = new.cell
        gone = [each for each in self._scenes if cell_id and each.cell[0] == cell_id and each.cell[1] != run]
        # Only then: a card of many clips asks each of them whether it rests.
        if len(self._scenes) > MOST_RESTING:
            resting = [each for each in self._scenes if each not in gone and not each.is_moving]
            gone += resting[: max(0, len(resting) - MOST_RESTING)]
        for each in gone:
            each.close()
            self._scenes.remove(each)


class _Scene:
    """One showing of one batch."""

    def __init__(
        self,
        session: Session,
        batch: Batch,
        display_id: str,
        cell: tuple[str | None, int],
        use_again: Callable[[Job], None],
        publish: Publish | None = None,
    ) -> None:
        self.cell = cell
        self._use_again = use_again
        self._publish = publish
        self._session = session
        self._batch = batch
        self._display_id = display_id
        self._known = Known()
        self._painter: CardPainter | None = None
        self._stops: list[Callable[[], None]] = []
        self._is_gathering = False
        self._drawing_s = 0.0

    def show_once(self) -> None:
        """Display the batch as it is, without a widget."""
        self._look_up()
        show_static(self._card(), self._posters(), display_id=self._display_id, publish=self._publish)

    def show_live(self, *, may_wait: bool = False) -> CardWidget | None:
        """Display card and twin, and keep them in step; gives the card, where it is drawn at once.

        What moves, or is long, is drawn behind its cell, into outputs that wait for it: making a widget takes as long
        as writing down what the cell asks for. Clips that are all here are shown by the cell itself.
        """
        self._painter = CardPainter(
            self._display_id,
            call_later=_call_later,
            on_message=self._on_message,
            clip_bytes=self._clip_bytes,
            publish=self._publish,
        )
        is_long = len(self._batch.places) > MOST_DRAWN_IN_THE_CELL
        if self._publish is None and (is_long or (may_wait and self.is_moving)):
            self._painter.make_room()
            self._session.runner(self._batch.service).call(_call_later, BEHIND_S, self._begin)
        else:
            self._begin()
        return self._painter.widget

    def _begin(self) -> None:
        """Draw for the first time, and again at every change."""
        if self._painter is None or self._painter.is_closed:
            return
        self._look_up()
        self._painter.show(self._card(), self._posters())
        self._stops.append(self._batch.observe(self._on_change))
        if self._known.version is not None:
            self._stops.append(self._known.version.batch.observe(self._on_change))

    def _look_up(self) -> None:
        # Under a form the clips of the version before stand next below anyway.
        self._known = _looked_up(self._session, self._batch, looks_back=self._publish is None)

    def close(self) -> None:
        """Stop drawing and hearing."""
        for stop in self._stops:
            stop()
        if self._painter is not None:
            self._painter.close()

    @property
    def is_moving(self) -> bool:
        """Whether something happens by itself, or somebody is asked."""
        return not self._batch.done() or bool(self._batch.held)

    def _card(self) -> CardView:
        return card_of(self._batch, self._known)

    def _posters(self) -> Mapping[str, bytes]:
        """Give the posters that are there, of the version before too."""
        found = {str(n): place.job.poster for n, place in enumerate(self._batch.places)}
        if self._known.version is not None:
            places = self._known.version.batch.places[:MOST_EARLIER]
            found |= {f"p{n}": place.job.poster for n, place in enumerate(places)}
        return {key: poster for key, poster in found.items() if poster}

    def _on_change(self, _job: Job) -> None:
        """Draw again soon, and at once when nothing more is to come; on the background thread."""
        if not self.is_moving:
            self._draw()
        elif not self._is_gathering:
            self._is_gathering = True
            _call_later(max(GATHER_S, self._drawing_s / MOST_OF_A_CORE), self._draw)

    def _draw(self) -> None:
        """Hand the present state to the painter, and measure what that takes."""
        began = time.thread_time()
        self._is_gathering = False
        self._draw_now()
        self._drawing_s = time.thread_time() - began

    def _draw_now(self) -> None:
        if self._painter is None:
            return
        draw = self._painter.update if self.is_moving else self._painter.rest
        draw(self._card(), self._posters())

    def _on_message(self, content: dict[str, Any]) -> None:
        """Hand what a person did to the session; the work happens on other threads."""
        name, job, usd = str(content.get("name")), self._job_at(content.get("key")), _sum_of(content)
        wanted = re.fullmatch(r"take-([1-9]\d{0,5})", name)
        if name == "confirm" and usd is not None:
            self._session.confirm(self._batch, usd)
        elif name == "decline":
            for held in self._batch.held:
                held.cancel()
        elif job is not None and name == "cancel":
            job.cancel()
        elif job is not None and name in {"retry", "resend", "abandon"}:
            self._aside(job, lambda: self._again(job, name))
        elif job is not None and name == "use":
            self._aside(job, lambda: self._use_again(job))
        elif job is not None and wanted and usd is not None:
            self._aside(job, lambda: self._another(job, int(wanted[1]), usd))

    def _aside(self, job: Job, do: Callable[[], None]) -> None:
        """Do what a button said, away from the kernel's thread, which may be about to run a cell."""

        def done() -> None:
            try:
                do()
            except HailuoError as error:
                text = str(error)
                self._known = replace(self._known, take_usd=_prices(self._session, self._batch))
                self._session.runner(job.service).call(lambda: job.show(note=text))

        threading.Thread(target=done, name="hailuo-button", daemon=True).start()

    def _again(self, job: Job, name: str) -> None:
        """Try a clip again, or give it up."""
        if name == "abandon":
            aftercare.abandon(self._session, job)
            return
        # The button said the price, so pressing it is the yes; the budget holds all the same.
        new = aftercare.again(self._session, job, Terms(yes=True))
        places = tuple(replace(p, job=new, is_new=True) if p.job is job else p for p in self._batch.places)
        self._take_in(new, places)

    def _another(self, job: Job, take: int, usd: Decimal) -> None:
        """Make one more take of a clip; of two presses the second finds it made."""
        new = takes.add_take(self._session, self._batch.id, job, take, usd)
        if new not in self._batch.jobs:
            axes = next(place.axes for place in self._batch.places if place.job is job)
            self._take_in(new, (*self._batch.places, Place(new, axes, is_new=not new.cached)))

    def _take_in(self, new: Job, places: tuple[Place, ...]) -> None:
        """Show a new clip, in the place of an old one or beside the others."""
        left = self._session.budget_left(self._batch.service)
        self._batch = replace(self._batch, places=places, budget_left_usd=left)
        self._stops.append(new.observe(self._on_change))

    def _job_at(self, key: object) -> Job | None:
        places = self._batch.places
        if isinstance(key, str) and re.fullmatch(r"\d{1,9}", key) and int(key) < len(places):
            return places[int(key)].job
        return None

    def _clip_bytes(self, key: str) -> bytes | None:
        version = self._known.version
        if key.startswith("p") and version is not None and re.fullmatch(r"p\d{1,2}", key):
            job: Job | None = version.batch[int(key[1:])]
        else:
            job = self._job_at(key)
        if job is None or job.path is None or not job.path.is_file():
            return None
        return job.path.read_bytes()


def _looked_up(session: Session, batch: Batch, *, looks_back: bool) -> Known:
    """Look up once what a card needs besides its jobs."""
    found = {job.variant: session.variant_of(job) for job in batch.jobs}
    variants = {name: variant for name, variant in found.items() if variant is not None}
    speed = session.speed_of(batch.service)
    if batch.is_headless:
        return Known(variants, speed)
    typical_s = {name: variant.typical_s if variant is not None else None for name, variant in found.items()}
    return Known(
        variants,
        speed,
        outlook=outlook_of(session, typical_s, batch.service) if batch.places else None,
        take_usd=_prices(session, batch),
        version=previous_version(session, batch) if looks_back else None,
    )


def _prices(session: Session, batch: Batch) -> dict[str, Decimal]:
    """Look up what one more take of each clip costs today."""
    return takes.prices_of(session, batch.jobs)


def _sum_of(content: Mapping[str, Any]) -> Decimal | None:
    """Read the sum that a button said."""
    try:
        usd = Decimal(str(content.get("sum")))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() else None


def _call_later(seconds: float, callback: Callable[[], None]) -> object:
    """Call back on the background loop, which is the one that is running here."""
    return asyncio.get_running_loop().call_later(seconds, callback)
