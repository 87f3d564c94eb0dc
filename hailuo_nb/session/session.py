"""Settings, service, ledger and jobs of one notebook, together.

In comes what a cell, a form or a call asks for; `hailuo_nb.session.making` turns it into a `Batch`. Whatever is refused
is refused before there is a row, and whatever may cost money has a row before it is sent. Here is what all of that is
done with: settings, ledger, services and runners, each made on first use and closed together.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hailuo_nb import errors
from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.preview import price_frame
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote, sum_usd, usd_text
from hailuo_nb.catalog.request import GenerationRequest, build
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.background import BackgroundLoop
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import OUT, Job
from hailuo_nb.jobs.runner import Runner
from hailuo_nb.ledger.rows import ClipRow, NewClip, Reserved
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.media.worker import MediaWorker
from hailuo_nb.session import cloned, keys, making, takes, versions
from hailuo_nb.session.asking import asked_from, name_of, read_usd, tags_of, whole
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.limits import Consent, Terms, check_max_cost
from hailuo_nb.session.making import Cell
from hailuo_nb.session.models import ANY_PICTURE, Models
from hailuo_nb.session.pictures import frame_of
from hailuo_nb.session.plan import Asked
from hailuo_nb.session.promoting import promote_job
from hailuo_nb.session.services import NO_KEY, SIMULATOR_KEY, Simulator, WaveSpeed
from hailuo_nb.session.sheet import Sheet, sheet
from hailuo_nb.settings import Settings, Tier
from hailuo_nb.settings import load as load_settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.wavespeed.client import Client

__all__ = ["Cell", "Front", "Session", "Terms"]

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())
T = TypeVar("T")
SERVICES = ("wavespeed", "simulator")
# What the session writes; none of it may lead out of the notebook's folder.
WRITTEN = ("", "clips", "simulator", "locks", "ledger.db")
CLOSE_WAIT_S = 15.0
# After the last change for so long, the ledger's file is made whole.
REST_S = 1.0


class Front(Protocol):
    """Whoever draws batches."""

    def show(self, batch: Batch) -> bool:
        """Show a batch in the running cell."""
        ...

    def compare(self, what: object, *, x: str | None = None, y: str | None = None) -> Any:
        """Give what shows clips side by side."""
        ...


class Session:
    """One notebook's work.

    Parameters
    ----------
    folder : Path
        The notebook's folder; clips and ledger go into `settings.dir` in it.
    configured : callable, optional
        Gives what ``%config`` has set.

    Attributes
    ----------
    front : Front or None
        Draws batches, where there is a notebook.
    is_headless : callable
        Tells whether nobody can answer in the running cell.
    ask_key : callable or None
        Asks somebody for the key without an echo, where there is somebody.
    where : callable
        Gives the cell that is running.
    keys : KeyRing
        Every place the key may be in.
    models : Models
        What any model takes and what any request costs.
    consent : Consent
        What went since somebody last said yes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configured: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self.folder = folder.resolve()
        self.configured = configured
        self.front: Front | None = None
        self.is_headless: Callable[[], bool] = lambda: False
        self.ask_key: Callable[[], str] | None = None
        self.where: Callable[[], Cell] = Cell
        self._lock = threading.RLock()
        self._loop = BackgroundLoop()
        self._worker = MediaWorker()
        self._ledger_thread = ThreadPoolExecutor(1, "hailuo-ledger")
        self._work_thread = ThreadPoolExecutor(1, "hailuo-work")
        self._is_closed = False
        self._ledger: Ledger | None = None
        self._copy: Path | None = None
        self._written_s = 0.0
        self._is_tidying = False
        self._dir: str | None = None
        self._last_settings: Settings | None = None
        self._services: dict[str, WaveSpeed | Simulator] = {}
        self._runners: dict[str, Runner] = {}
        self.keys = keys.KeyRing(self.folder)
        self.consent = Consent()
        self.models = Models(self._known_ledger, self._asked, self._sealed)

    # What there is

    def settings(self) -> Settings:
        """Read the settings as they are now."""
        now = load_settings(config=self.configured(), project_file=self.folder / "pyproject.toml")
        self._last_settings = now
        return now

    def _settings_then(self) -> Settings:
        """Give the settings for what is on its way: a file that is broken just now stops nothing that is paid."""
        with suppress(errors.SettingInvalid):
            return self.settings()
        return self._last_settings or Settings()

    def home(self, now: Settings | None = None) -> str:
        """Give the folder for clips and ledger, relative to the notebook's: resolved once, on first use.

        Raises
        ------
        SettingInvalid
            It is a link out of the notebook's folder, or was changed since.
        """
        found = (now or self.settings()).dir
        with self._lock:
            if self._dir is None:
                self._check_inside(found)
                self._dir = found
            elif found != self._dir:
                raise errors.SettingInvalid(
                    f"dir is {self._dir} since this kernel's first clip; restart the kernel to use {found}."
                )
            return self._dir

    def _check_inside(self, found: str) -> None:
        """Refuse links out of the notebook's folder: a stranger may have laid them, and Jupyter shows nothing there."""
        for name in WRITTEN:
            path = self.folder / found / name
            if not path.resolve().is_relative_to(self.folder):
                shown = f"{found}/{name}".rstrip("/")
                raise errors.SettingInvalid(
                    f"{shown} leads out of the notebook's folder, where Jupyter plays no clip; take that link away, or "
                    "set another dir."
                )

    @property
    def ledger(self) -> Ledger:
        """The ledger, opened (and made) on first use."""
        with self._lock:
            self._check_open()
            if self._ledger is None:
                self._ledger = self._opened(self.folder / self.home() / "ledger.db")
            return self._ledger

    def _opened(self, path: Path) -> Ledger:
        """Open a ledger; a copy of it where it is there and cannot be written."""
        if path.is_file() and not cloned.can_write(path):
            self._copy = cloned.copy_of(path)
            return Ledger.open(self._copy, is_copy=True)
        is_new = not path.exists()
        ledger = Ledger.open(path)
        if is_new:
            cloned.keep_out_of_git(path.parent)
        ledger.on_write = self._written
        return ledger

    def _written(self) -> None:
        """Make the one file of the ledger whole as soon as nothing is written for a moment: it may be committed."""
        self._written_s = time.monotonic()
        if not self._is_tidying:
            self._is_tidying = True
            with suppress(errors.HailuoError):  # the session is about to end, which does the same
                self._loop.submit(self._tidy())

    async def _tidy(self) -> None:
        """Wait for a rest, then bring what was written into the file."""
        while (left := self._written_s + REST_S - time.monotonic()) > 0:  # noqa: ASYNC110 - each write begins it anew
            await asyncio.sleep(left)
        self._is_tidying = False
        if self._ledger is not None:
            with suppress(errors.LedgerError, RuntimeError):
                await asyncio.get_running_loop().run_in_executor(self._ledger_thread, self._ledger.checkpoint)

    def has_ledger(self) -> bool:
        """Tell whether there is a ledger, without making one."""
        return (
            self._ledger is not None
            or (self.folder / (self._dir or self.settings().dir) / "ledger.db").is_file()
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise errors.SetupError(
                "This session is closed; load the extension again with %reload_ext hailuo_nb."
            )

    def _known_ledger(self) -> Ledger | None:
        return self.ledger if self.has_ledger() else None

    def service_name(self, now: Settings | None = None) -> str:
        """Tell which service the next clip goes to."""
        chosen = now or self.settings()
        if chosen.service != "auto":
            return chosen.service
        return "wavespeed" if self.key() else "simulator"

    def key(self) -> keys.Key | None:
        """Find the key, wherever it is."""
        return self.keys.find()

    def give_key(self, typed: str) -> None:
        """Use a key that was typed, in this kernel only; an empty text takes it away again."""
        self.keys.typed(typed)
        self._service("wavespeed")

    def speed_of(self, service: str) -> float:
        """Tell how many times faster than the catalogue says a service works."""
        known = self._services.get(service)
        if known is not None:
            return known.speed
        return self.settings().simulator_speed if service == "simulator" else 1.0

    def variant_of(self, job: Job) -> Variant | None:
        """Give a job's variant, if the catalogue or the ledger's memory knows it."""
        with suppress(errors.HailuoError):
            return self.models.variant(job.variant, job.service, may_ask=False)
        return None

    def variant(self, name: str, *, may_ask: bool = True) -> Variant:
        """Give a variant by its short name, or any WaveSpeed model by its id.

        Parameters
        ----------
        name : str
            What was typed.
        may_ask : bool
            Whether the service may be asked for a model that is not known here.
        """
        return self.models.variant(name, self.service_name(), may_ask=may_ask)

    # The main job

    def generate(
        self,
        prompt: str | DataFrame,
        variant: str | Sequence[str] | None = None,
        *,
        name: str | None = None,
        tags: str | Sequence[str] = (),
        dry_run: bool = False,
        offline: bool = False,
        wait: bool | None = None,
        yes: bool = False,
        max_cost: object = None,
        max_clips: int | None = None,
        **asked_for: Any,
    ) -> Batch | DataFrame:
        """Make clips from Python; see `hailuo_nb.notebook.api.generate`."""
        asked = asked_from(self.folder, self.settings().variant, prompt, variant, **asked_for)
        most = None if max_clips is None else whole(max_clips, "max_clips")
        if dry_run:
            return self.preview(asked, max_clips=most)
        terms = Terms(
            yes=yes,
            max_cost=None if max_cost is None else read_usd(max_cost, "max_cost"),
            max_clips=most,
            offline=offline,
            is_headless=self.is_headless(),
        )
        batch = self.make(asked, name=name_of(name), tags=tags_of(tags), cell=self.where(), terms=terms)
        if terms.is_headless if wait is None else wait:
            batch.wait()
        return batch

    def quote(self, prompt: str, variant: str | Sequence[str] | None = None, **asked_for: Any) -> DataFrame:
        """Say what a call of `generate` would make and cost, as the service says it where it answers."""
        most = asked_for.pop("max_clips", None)
        asked = asked_from(self.folder, self.settings().variant, prompt, variant, **asked_for)
        return self.preview(asked, max_clips=None if most is None else whole(most, "max_clips"), is_live=True)

    def make(
        self,
        asked: Asked,
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        cell: Cell | None = None,
        terms: Terms | None = None,
    ) -> Batch:
        """Make the clips that do not exist yet, and give all of them.

        Parameters
        ----------
        asked : Asked
            Prompts, variants and options.
        name, tags
            The user's words for these clips.
        cell : Cell, optional
            Where it is asked.
        terms : Terms, optional
            Under which limits.

        Raises
        ------
        InvalidRequest
            With every fault, before anything is written.
        KeyMissing
            There is something to send to WaveSpeed, and no key.
        LimitReached
            Above a limit, before anything is written; nothing is sent.
        """
        return making.make(self, asked, name=name, tags=tags, cell=cell, terms=terms)

    def preview(self, asked: Asked, *, max_clips: int | None = None, is_live: bool = False) -> DataFrame:
        """Give prompts, prices and what is on disk as a DataFrame; nothing is sent or written, no simulator started.

        Parameters
        ----------
        asked : Asked
            What a cell would make.
        max_clips : int, optional
            The most clips; the setting when not given.
        is_live : bool
            Ask WaveSpeed for the prices.
        """
        return making.preview(self, asked, max_clips=max_clips, is_live=is_live)

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make one clip that starts from another's last frame."""
        if options.get("dry_run"):
            raise errors.InvalidRequest("animate() gives a job, and a dry run has none; leave dry_run out.")
        made = self.generate(prompt, variant, image=self.frame(job, None), **options)
        assert isinstance(made, Batch)
        return made[0]

    def next_take(self, job: Job, options: Mapping[str, Any]) -> Job:
        """Make the take after a clip's own; see `hailuo_nb.session.takes`."""
        return takes.asked_take(self, job, options)

    def previous_of(self, batch: Batch) -> Batch | None:
        """Give the version of a batch's cell before its text was changed; see `hailuo_nb.session.versions`."""
        found = versions.previous_version(self, batch)
        return found.batch if found else None

    def promote(self, job: Job, variant: str, options: Mapping[str, Any]) -> Job:
        """Make a clip again in another variant."""
        return promote_job(self, job, variant, options)

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of a finished clip."""
        return frame_of(job, seconds)

    def is_held(self, row: ClipRow | None, service: str) -> bool:
        """Tell whether a planned row waits in this kernel for a yes."""
        return row is not None and service in self._runners and self._runners[service].is_held(row.id)

    def make_sure_of_key(self, service: str, terms: Terms) -> None:
        """Before anything is written, have the key for what is to be sent, asking where there is somebody to ask."""
        if service != "wavespeed" or self.key() is not None:
            return
        if self.ask_key is not None and not terms.is_headless:
            self.give_key(self.ask_key())
        if self.key() is None:
            raise errors.KeyMissing(NO_KEY)

    # Limits

    def budget_left(self, service: str, now: Settings | None = None) -> Decimal | None:
        """Give what the budget leaves for a service, in US dollars; None without a budget."""
        budget = (now or self.settings()).budget_usd
        if budget is None or not self.has_ledger():
            return budget
        return max(Decimal(0), budget - self.ledger.committed_usd(service))

    def send_again(
        self, clip: NewClip, terms: Terms, reserve: Callable[[], Reserved]
    ) -> tuple[Reserved, str]:
        """Weigh one clip against all limits and write it down; gives its row, and why it waits for a yes.

        Raises
        ------
        LimitReached
            Above a limit; nothing is written.
        KeyMissing
            It would go to WaveSpeed, and there is no key.
        """
        check_max_cost([clip.quote_usd], terms)
        self.make_sure_of_key(clip.service, terms)
        prices = [clip.quote_usd] if clip.service == "wavespeed" else []
        leave = self.consent.ask(prices, terms, self.settings().confirm_above_usd)
        try:
            reserved = reserve()
        except BaseException:
            self.consent.give_back(leave)
            raise
        if prices:
            self.consent.use(leave, {} if leave.reason else {reserved.row.id: clip.quote_usd})
        return reserved, leave.reason

    def watch(self, jobs: Sequence[Job]) -> None:
        """Give back what is counted for jobs that come to nothing before they cost anything."""
        self.consent.watch(jobs)

    def confirm(self, batch: Batch, shown_usd: Decimal) -> bool:
        """Say yes to the sum that the card showed; one that changed since confirms nothing, nor does a spent budget."""
        now = self.settings()
        with self._lock:
            held = batch.held
            if self._is_closed or not held or sum_usd(job.quote_usd for job in held) != shown_usd:
                return False
            runner = self.runner(batch.service)
            spent = self.ledger.committed_usd(batch.service)
            if now.budget_usd is not None and spent > now.budget_usd:
                text = (
                    f"Not sent: {usd_text(spent)} with these clips is over the budget of "
                    f"{usd_text(now.budget_usd)}. A yes does not lift it; raise budget_usd or drop some clips."
                )
                for job in held:
                    self._loop.call(_note, job, text)
                return False
            self.consent.say_yes()
            runner.release(held)
        return True

    def _may_cost(self, job: Job, usd: Decimal) -> str:
        """Say why a live price above the quote may not be paid without a yes; empty when it may."""
        if job.service != "wavespeed":
            return ""
        if self.consent.may_rise(job, usd, self._settings_then().confirm_above_usd):
            return ""
        if job.quote_usd is None:
            return f"The price is {usd_text(usd)}, which was not known before."
        return f"The price rose from {usd_text(job.quote_usd)} to {usd_text(usd)} since it was quoted."

    # Jobs and what became of them

    def _service(self, name: str) -> WaveSpeed | Simulator:
        """Give a service, with the key as it is now; nothing is opened or started."""
        key = self.key() if name == "wavespeed" else None
        with self._lock:
            self._check_open()
            known = self._services.get(name)
            if known is None:
                now = self.settings()
                known = (
                    WaveSpeed(now.base_url)
                    if name == "wavespeed"
                    else Simulator(
                        self.folder / self.home(now) / "simulator", now.simulator_speed, now.simulator_tier
                    )
                )
                self._services[name] = known
            if isinstance(known, WaveSpeed):
                known.key = key
            return known

    def runner(self, service: str) -> Runner:
        """Give the runner of a service, with the key as it is now."""
        if service not in SERVICES:
            raise errors.LedgerError(f"The ledger names a service that there is not: {service[:40]!r}.")
        at = self._service(service)
        with self._lock:
            known = self._runners.get(service)
            if known is None:
                known = self._runners[service] = Runner(self._desk(at), self._loop, self)
            return known

    def _desk(self, at: WaveSpeed | Simulator) -> Desk:
        ledger = self.ledger

        def limits() -> Tier:
            return self._settings_then().limits(at.name, simulated_tier=at.tier)

        return Desk(
            ledger=ledger,
            service=at,
            worker=self._worker,
            folder=self.folder,
            executor=self._ledger_thread,
            work_executor=self._work_thread,
            clips=f"{self.home()}/clips",
            limits=limits,
            budget=lambda: self._settings_then().budget_usd,
            fingerprint=lambda: ledger.fingerprint(at.key_text),
            seal=lambda text: self._sealed(at.name, text),
            may_cost=self._may_cost,
        )

    def _sealed(self, service: str, text: str) -> str:
        """Make the seal over something remembered of a service; empty-handed strangers cannot."""
        key = self.key() if service == "wavespeed" else None
        return self.ledger.fingerprint(f"{key.value if key else SIMULATOR_KEY}\n{text}")

    def jobs(self, *, only_out: bool = False, limit: int = 50) -> list[Job]:
        """Give handles of the newest clips in the ledger, newest first; nothing is sent for planned ones."""
        if not self.has_ledger():
            return []
        return self._handles(
            self.ledger.rows(statuses=OUT if only_out else None, limit=limit, newest_first=True)
        )

    def job(self, id_: str) -> Job:
        """Give the handle of a clip by its id or an unambiguous beginning of it."""
        row = self.ledger.row(self.ledger.resolve_id(id_))
        return self.runner(row.service).take(row)

    def jobs_named(self, name: str) -> list[Job]:
        """Give handles of the clips that carry a name, oldest first; else those of a cell's variable of that name.

        The variable is gone after a restart, and what it held is still to be found by it.
        """
        named = self.ledger.rows(name=name)
        batch = None if named else self.ledger.latest_batch_in_variable(name, self.where().notebook)
        return self.jobs_of_batch(batch) if batch else self._handles(named)

    def jobs_of_batch(self, batch_id: str) -> list[Job]:
        """Give handles of the clips that a batch shows, in its order."""
        return self._handles(self.ledger.rows(batch=batch_id))

    def resume(self) -> list[Job]:
        """Take up what is out: poll, fetch and reconcile, but never submit."""
        if not self.has_ledger() or self.ledger.is_copy:  # what would be fetched has no place
            return []
        return self._handles(self.ledger.rows(statuses=OUT))

    def _handles(self, rows: Sequence[ClipRow]) -> list[Job]:
        return [self.runner(row.service).take(row) for row in rows if row.service in SERVICES]

    def batch_of(self, jobs: Sequence[Job], *, is_headless: bool = False) -> Batch:
        """Put jobs together to be shown, without a new batch in the ledger."""
        places = tuple(Place(job, dict(job.axes), is_new=False) for job in jobs)
        service = jobs[0].service if jobs else ""
        return Batch(f"show-{uuid.uuid4().hex[:8]}", places, self, service=service, is_headless=is_headless)

    def clip_path(self, identity: str) -> Path | None:
        """Find the file of a clip by its identity: service, request, take and attempt."""
        try:
            service, request_hash, take, _ = identity.split(":")
            found = self.ledger.find([(service, request_hash, int(take.removeprefix("t")))])[0]
        except ValueError:
            return None
        if found is None or not found.path or found.service not in SERVICES:
            return None
        path = self.runner(found.service).take(found).path
        return path if path is not None and path.is_file() else None

    # What others say

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the background loop and wait for it, keeping the notebook's own tasks going.

        Raises
        ------
        TimeoutError
            It took longer than `timeout` seconds, and was given up.
        """
        future = self._loop.submit(coroutine)
        try:
            if not waiting.wait(future, timeout):
                raise TimeoutError(f"No answer within {timeout:g} s.")
        finally:
            future.cancel()
        return future.result()

    def ask(self, service: str, question: Callable[[Client], Awaitable[T]]) -> T:
        """Ask a service something and wait for the answer; the simulator is started for it."""
        return self._asked(service, question, None)

    def _asked(self, service: str, question: Callable[[Client], Awaitable[T]], timeout: float | None) -> T:
        at = self._service(service)

        async def asking() -> T:
            return await question(await at.client())

        return self.call(asking(), timeout)

    def quote_of(self, variant: Variant, request: GenerationRequest, service: str) -> Quote:
        """Give what a request costs as far as is known here."""
        return self.models.quote(variant, request, service)

    def asked_quote(self, variant: Variant, request: GenerationRequest, service: str) -> Quote:
        """Ask a service what a request costs; the dated table's price where it does not say."""
        return self.models.asked_price(variant, request, service)

    def prices(
        self,
        names: Sequence[str],
        *,
        durations: Sequence[int | None] = (None,),
        takes: int = 1,
        inputs: Mapping[str, Any] | None = None,
        expand: bool | None = None,
        go_fast: bool | None = None,
    ) -> DataFrame:
        """Give what one clip of each variant and length costs; the service is asked where it is WaveSpeed."""
        service = self.service_name()
        can_ask = service == "wavespeed" and self.key() is not None
        quoted: list[tuple[GenerationRequest, Quote]] = []
        for name in names:
            variant = self.models.variant(name, service, may_ask=can_ask)
            for duration in durations:
                request = build(
                    variant,
                    prompt="a prompt" if variant.has("prompt") else None,
                    image=ImageRef.of_address(ANY_PICTURE) if variant.needs_image else None,
                    duration=duration,
                    expand=expand,
                    go_fast=go_fast,
                    inputs=inputs,
                )
                price = self.models.asked_price if can_ask else self.models.quote
                quoted.append((request, price(variant, request, service)))
        return price_frame(quoted, takes)

    def balance(self) -> Decimal:
        """Ask the service what is left on the account, in US dollars."""
        return self.ask(self.service_name(), lambda client: client.balance())

    def frame_of(self, batch: Batch) -> DataFrame:
        """Give a batch's rows as a DataFrame."""
        if not batch.id.startswith("show-"):
            return history(self.ledger, batch_id=batch.id)
        # Clips that were looked up stand in no batch of the ledger: their own rows, in the order shown.
        ids = list(dict.fromkeys(job.id for job in batch))
        frame = history(self.ledger, ids=ids)
        ordered = frame.set_index("id", drop=False).loc[ids].reset_index(drop=True)
        ordered["cached"] = False
        ordered.attrs = frame.attrs
        return ordered

    def history(self, **filters: Any) -> DataFrame:
        """Give every clip of the ledger as a DataFrame."""
        return history(self.ledger, **filters)

    def work(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker process do something heavy with a file, and wait for it; see `hailuo_nb.media.worker`."""
        return self._worker.call(operation, **arguments)

    def sheet_of(self, batch: Batch, **options: Any) -> Sheet:
        """Put a batch on one contact sheet."""
        return sheet(self, batch.jobs, **options)

    def show(self, batch: Batch) -> bool:
        """Show a batch's card, where somebody draws."""
        return self.front is not None and self.front.show(batch)

    def compare(self, batch: Batch, *, x: str | None = None, y: str | None = None) -> Any:
        """Give what shows a batch side by side, where somebody draws."""
        if self.front is None:
            raise errors.SetupError("Clips are compared in a notebook; here nobody could look at them.")
        return self.front.compare(batch, x=x, y=y)

    def close(self) -> None:
        """Stop the background work, the simulator this session started and the worker; jobs go on at the service."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            runners, self._runners = list(self._runners.values()), {}
            services, self._services = list(self._services.values()), {}
        steps: list[Callable[[], object]] = [runner.close for runner in runners]
        for at in services:
            steps += [partial(self._closed, at), at.stop]
        steps += [self._loop.close, self._worker.close]
        steps += [self._ledger_thread.shutdown, self._work_thread.shutdown]
        steps += [self._ledger.close] if self._ledger is not None else []
        steps += (
            [partial(shutil.rmtree, self._copy.parent, ignore_errors=True)] if self._copy is not None else []
        )
        for step in steps:
            try:
                step()
            except Exception:
                # One part that cannot end must not leave the others running.
                logger.exception("a part of the session could not be closed")

    def _closed(self, at: WaveSpeed | Simulator) -> None:
        self._loop.submit(at.close()).result(CLOSE_WAIT_S)


def _note(job: Job, text: str) -> None:
    job.show(note=text)
