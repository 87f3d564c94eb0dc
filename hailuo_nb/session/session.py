"""Settings, service, ledger and jobs of one notebook, together.

In comes what a cell, a form or a call asks for. It is checked, priced and weighed against the limits, written to the
ledger in one transaction, and only then handed to the jobs. Out goes a `Batch`. Whatever is refused is refused before
there is a row, and whatever may cost money has a row before it is sent.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hailuo_nb import errors
from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.preview import preview_frame, price_frame
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote, sum_usd, table_quote, usd_text
from hailuo_nb.catalog.request import GenerationRequest, build
from hailuo_nb.catalog.variants import Variant, find, from_service, looks_like_model_id
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.background import BackgroundLoop
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import OUT, Job
from hailuo_nb.jobs.prices import PRICE_AGE_S, price_key
from hailuo_nb.jobs.runner import Runner
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip, Reserved
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.media.worker import MediaWorker
from hailuo_nb.session import keys
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.pictures import frame_of, picture
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips
from hailuo_nb.session.services import SIMULATOR_KEY, Simulator, WaveSpeed
from hailuo_nb.settings import Settings
from hailuo_nb.settings import load as load_settings

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")
# Stands for a picture where only the price is asked; nobody fetches it.
ANY_PICTURE = "https://example.com/picture.png"
MODELS_AGE_S = 24 * 3600.0


class Front(Protocol):
    """Whoever draws batches."""

    def show(self, batch: Batch) -> bool:
        """Show a batch in the running cell."""
        ...


@dataclass(frozen=True)
class Cell:
    """Where a request comes from: the notebook's file, the cell's id and its text."""

    notebook: str | None = None
    id: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Terms:
    """Under which limits a cell may send.

    Attributes
    ----------
    yes : bool
        The confirmation is given; it never lifts the budget.
    max_cost : Decimal or None
        The most this cell's new clips may cost.
    max_clips : int or None
        The most clips of this cell; the setting when not given.
    offline : bool
        Only what is on disk.
    is_headless : bool
        Nobody is there to confirm.
    """

    yes: bool = False
    max_cost: Decimal | None = None
    max_clips: int | None = None
    offline: bool = False
    is_headless: bool = False


class Session:
    """One notebook's work.

    Parameters
    ----------
    folder : Path
        The notebook's folder; clips and ledger go into `settings.dir` in it.
    configured : callable, optional
        Gives what ``%config`` has set.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configured: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self.folder = folder.resolve()
        self.front: Front | None = None
        self.is_headless: Callable[[], bool] = lambda: False
        self._configured = configured
        self._lock = threading.RLock()
        self._loop = BackgroundLoop()
        self._worker = MediaWorker()
        self._ledger_thread = ThreadPoolExecutor(1, "hailuo-ledger")
        self._work_thread = ThreadPoolExecutor(1, "hailuo-work")
        self._ledger: Ledger | None = None
        self._runners: dict[str, Runner] = {}
        self._since_yes_usd = Decimal(0)
        self._typed_key: keys.Key | None = None

    # What there is

    def settings(self) -> Settings:
        """Read the settings as they are now."""
        return load_settings(config=self._configured(), project_file=self.folder / "pyproject.toml")

    @property
    def ledger(self) -> Ledger:
        """The ledger, opened (and made) on first use."""
        with self._lock:
            if self._ledger is None:
                self._ledger = Ledger.open(self.folder / self.settings().dir / "ledger.db")
            return self._ledger

    def service_name(self, now: Settings | None = None) -> str:
        """Tell which service the next clip goes to."""
        chosen = now or self.settings()
        if chosen.service != "auto":
            return chosen.service
        return "wavespeed" if self.key() else "simulator"

    def key(self) -> keys.Key | None:
        """Find the key, wherever it is."""
        return self._typed_key or keys.find(self.folder)

    def give_key(self, typed: str) -> None:
        """Use a key that was typed, in this kernel only; an empty text takes it away again."""
        self._typed_key = keys.find(self.folder, environ={}, ask=lambda: typed) if typed.strip() else None

    def speed_of(self, service: str) -> float:
        """Tell how many times faster than the catalogue says a service works."""
        return self.settings().simulator_speed if service == "simulator" else 1.0

    def variant_of(self, job: Job) -> Variant | None:
        """Give a job's variant, if the catalogue or the ledger's memory knows it."""
        try:
            return self.variant(job.variant, ask=False)
        except errors.HailuoError:
            return None

    def variant(self, name: str, *, ask: bool = True) -> Variant:
        """Give a variant by its short name, or any WaveSpeed model by its id.

        Parameters
        ----------
        name : str
            What was typed.
        ask : bool
            Whether the service may be asked for a model that is not known here.
        """
        try:
            return find(name)
        except errors.UnknownVariant:
            if not looks_like_model_id(name):
                raise
            return self._model(name, ask=ask)

    def _model(self, model_id: str, *, ask: bool) -> Variant:
        """Look a model up in the ledger's memory, then at the service."""
        service = self.service_name()
        remembered = self.ledger.recall(f"models:{service}", MODELS_AGE_S) if self.has_ledger() else None
        if remembered is None or not any(entry["model_id"] == model_id for entry in remembered):
            if not ask:
                raise errors.UnknownVariant(
                    f"{model_id} is not known here yet; run the cell without --dry-run."
                )
            desk = self.runner(service).desk

            async def fetch() -> list[dict[str, Any]]:
                return await (await desk.service.client()).models()

            remembered = self.call(fetch())
            self.ledger.remember(f"models:{service}", remembered)
        for entry in remembered:
            if entry.get("model_id") == model_id:
                return from_service(entry)
        raise errors.UnknownVariant(
            f"{service} has no model {model_id}; %hailuo variants lists what is known here."
        )

    # The main job

    def generate(
        self,
        prompt: str,
        variant: str | Sequence[str] | None = None,
        *,
        duration: int | Sequence[int] | None = None,
        image: object = None,
        fit: str | None = None,
        takes: int = 1,
        vary: Mapping[str, Sequence[object]] | None = None,
        zip: Sequence[str] | Sequence[Sequence[str]] | None = None,  # noqa: A002 - the contract's name
        name: str | None = None,
        tags: Sequence[str] = (),
        expand: bool | None = None,
        inputs: Mapping[str, Any] | None = None,
        raw: bool = False,
        dry_run: bool = False,
        offline: bool = False,
        wait: bool | None = None,
        yes: bool = False,
        max_cost: object = None,
        max_clips: int | None = None,
    ) -> Batch | DataFrame:
        """Make clips from Python; see `hailuo_nb.notebook.api.generate`."""
        asked = Asked(
            text=prompt,
            variants=_texts(variant) or (self.settings().variant,),
            durations=_numbers(duration),
            image=picture(image, self.folder, fit),
            takes=_take_count(takes),
            vary=vary or {},
            zips=_groups(zip),
            expand=expand,
            inputs=inputs or {},
            raw=raw,
        )
        if dry_run:
            return self.preview(asked, max_clips=max_clips)
        limit = None if max_cost is None else read_usd(max_cost, "max_cost")
        terms = Terms(
            yes=yes, max_cost=limit, max_clips=max_clips, offline=offline, is_headless=self.is_headless()
        )
        batch = self.make(asked, name=name, tags=tags, terms=terms)
        if terms.is_headless if wait is None else wait:
            batch.wait()
        return batch

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
        LimitReached
            Above a limit, before anything is written; nothing is sent.
        """
        terms, cell = terms or Terms(), cell or Cell()
        now = self.settings()
        service = self.service_name(now)
        clips, notes = self._wanted(asked, now, service, terms)
        new = [_new_clip(clip, service, name, tags) for clip in clips]
        paid = self._to_pay(new, service)
        _check_terms(paid, terms)
        held = self._waits_for_yes([clip.quote_usd for clip in paid], terms, service, now)
        runner = self.runner(service)
        batch_id, reserved = self.ledger.reserve_batch(
            NewBatch(notebook=cell.notebook, cell_id=cell.id, cell_text=cell.text, name=name),
            new,
            budget_usd=now.budget_usd,
        )
        late = [
            clip
            for clip, each in zip(new, reserved, strict=True)
            if each.is_new and clip.identity not in {known.identity for known in paid}
        ]
        if late:
            held = held or self._late_reason(paid, late, terms, service, now)
        places = tuple(
            _placed(runner, clip, each, held=held) for clip, each in zip(clips, reserved, strict=True)
        )
        return Batch(
            batch_id,
            places,
            self,
            name=name or "",
            service=service,
            is_headless=terms.is_headless,
            budget_left_usd=self.budget_left(service),
            notes=notes,
        )

    def preview(self, asked: Asked, *, max_clips: int | None = None) -> DataFrame:
        """Give prompts, prices and what is on disk as a DataFrame; nothing is sent, no simulator is started."""
        now = self.settings()
        service = self.service_name(now)
        clips, _ = self._wanted(asked, now, service, Terms(max_clips=max_clips))
        new = [_new_clip(clip, service, None, ()) for clip in clips]
        rows = self.ledger.find([clip.identity for clip in new]) if self.has_ledger() else [None] * len(new)
        return preview_frame(new, rows)

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Make one clip that starts from another's last frame."""
        made = self.generate(prompt, variant, image=self.frame(job, None), **options)
        assert isinstance(made, Batch), "a dry run has no job; leave dry_run out"
        return made[0]

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Give one frame of a finished clip."""
        return frame_of(job, seconds)

    def _wanted(
        self, asked: Asked, now: Settings, service: str, terms: Terms
    ) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
        prices: dict[str, Quote] = {}

        def quote(variant: Variant, request: GenerationRequest) -> Quote:
            key = price_key(service, variant.model_id, request.inputs)
            if key not in prices:
                prices[key] = self._quote(variant, request, key)
            return prices[key]

        return wanted_clips(asked, find=self.variant, quote=quote, most=terms.max_clips or now.max_clips)

    def _quote(self, variant: Variant, request: GenerationRequest, key: str) -> Quote:
        """Give the price as the service said within the hour, else the dated table's."""
        live = self.ledger.recall(key, PRICE_AGE_S) if self.has_ledger() else None
        if live is None:
            return table_quote(variant, request)
        return Quote(Decimal(live["usd"]), "service", "", is_estimate=False)

    def _late_reason(
        self, paid: Sequence[NewClip], late: Sequence[NewClip], terms: Terms, service: str, now: Settings
    ) -> str:
        """Weigh clips that became this cell's to send while it was reserved: another kernel died just then."""
        try:
            _check_terms([*paid, *late], terms)
            return self._waits_for_yes([clip.quote_usd for clip in late], terms, service, now)
        except errors.LimitReached as error:
            return str(error)

    def _to_pay(self, new: Sequence[NewClip], service: str) -> list[NewClip]:
        """Give the clips that this cell would send, each once."""
        distinct = list({clip.identity: clip for clip in reversed(new)}.values())[::-1]
        identities = [clip.identity for clip in distinct]
        rows = self.ledger.find(identities) if self.has_ledger() else [None] * len(distinct)
        return [
            clip
            for clip, row in zip(distinct, rows, strict=True)
            if is_to_send(row) or self._is_held(row, service)
        ]

    def _is_held(self, row: ClipRow | None, service: str) -> bool:
        """Tell whether a planned row waits in this kernel for a yes."""
        return row is not None and service in self._runners and self._runners[service].is_held(row.id)

    def _waits_for_yes(
        self, prices: Sequence[Decimal | None], terms: Terms, service: str, now: Settings
    ) -> str:
        """Say why the new clips have to wait for a yes; empty when they need none.

        The sum since the last yes counts, so that "Run all" cannot add up unasked. Simulated money is not asked about.
        """
        if service != "wavespeed" or not prices:
            return ""
        total = sum_usd(prices)
        with self._lock:
            if terms.yes:
                self._since_yes_usd = Decimal(0)
                return ""
            sum_now = None if total is None else self._since_yes_usd + total
            if sum_now is not None and sum_now <= now.confirm_above_usd:
                self._since_yes_usd = sum_now
                return ""
        reason = (
            f"{_clips(len(prices))} for {usd_text(total)}: with what was sent since the last yes this is over "
            f"confirm_above_usd ({usd_text(now.confirm_above_usd)})."
        )
        if terms.is_headless:
            raise errors.ConfirmationNeeded(
                f"Not sent: {reason} Nobody can be asked here; add --yes to the cell."
            )
        return reason

    def budget_left(self, service: str) -> Decimal | None:
        """Give what the budget leaves for a service, in US dollars; None without a budget."""
        budget = self.settings().budget_usd
        return None if budget is None else max(Decimal(0), budget - self.ledger.committed_usd(service))

    def weigh(self, prices: Sequence[Decimal | None], terms: Terms, service: str) -> str:
        """Hold prices against the cell's limits; gives why they have to wait for a yes, or an empty text.

        Raises
        ------
        LimitReached
            Above ``--max-cost``, or a yes is needed and nobody can give it.
        """
        _check_max_cost(prices, terms)
        return self._waits_for_yes(prices, terms, service, self.settings())

    def clip_path(self, identity: str) -> Path | None:
        """Find the file of a clip by its identity: service, request, take and attempt."""
        service, request_hash, take, _ = identity.split(":")
        row = self.ledger.find([(service, request_hash, int(take.removeprefix("t")))])[0]
        path = self.folder / row.path if row is not None and row.path else None
        return path if path is not None and path.is_file() else None

    def confirm(self, batch: Batch, shown_usd: Decimal) -> bool:
        """Say yes to the sum that the card showed; a sum that changed since confirms nothing."""
        with self._lock:
            held = batch.held
            now = sum_usd(job.quote_usd for job in held)
            if not held or now != shown_usd:
                return False
            for job in held:
                job.is_held = False
            self._since_yes_usd = Decimal(0)
        self.runner(batch.service).release(held)
        return True

    # Jobs and what became of them

    def runner(self, service: str) -> Runner:
        """Give the runner of a service, with the key as it is now."""
        with self._lock:
            known = self._runners.get(service)
            key = self._key_for(service)
            if known is None:
                known = Runner(self._desk(service, key), self._loop, self)
                self._runners[service] = known
            elif (
                isinstance(known.desk.service, WaveSpeed)
                and key is not None
                and known.desk.service.key != key
            ):
                known.desk.service = WaveSpeed(key, self.settings().base_url)
            return known

    def _key_for(self, service: str) -> keys.Key | None:
        """Find the key for WaveSpeed, asking where there is somebody to ask; the simulator needs none."""
        if service != "wavespeed":
            return None
        found = self.key()
        if found is None:
            raise errors.KeyMissing(
                f"WaveSpeed needs a key: set {keys.KEY_NAME} in the environment or in a .env beside the notebook, "
                "or leave HAILUO_SERVICE out to use the simulator."
            )
        return found

    def _desk(self, service: str, key: keys.Key | None) -> Desk:
        now = self.settings()
        at = (
            WaveSpeed(key, now.base_url)
            if key is not None
            else Simulator(self.folder / now.dir / "simulator", now.simulator_speed, now.simulator_tier)
        )
        ledger = self.ledger
        return Desk(
            ledger=ledger,
            service=at,
            worker=self._worker,
            folder=self.folder,
            executor=self._ledger_thread,
            work_executor=self._work_thread,
            clips=f"{now.dir}/clips",
            limits=lambda: self.settings().limits(service),
            budget=lambda: self.settings().budget_usd,
            fingerprint=lambda: ledger.fingerprint(_key_text(self._runners[service])),
            may_cost=self._may_cost,
        )

    def _may_cost(self, job: Job, usd: Decimal) -> str:
        """Say why a live price above the quote may not be paid without a yes; empty when it may."""
        if job.service != "wavespeed" or job.quote_usd is None:
            return (
                ""
                if job.service != "wavespeed"
                else f"The price is {usd_text(usd)}, which was not known before."
            )
        more = usd - job.quote_usd
        limit = self.settings().confirm_above_usd
        with self._lock:
            if self._since_yes_usd + more <= limit:
                self._since_yes_usd += more
                return ""
        return f"The price rose from {usd_text(job.quote_usd)} to {usd_text(usd)} since it was quoted."

    def jobs(self, *, only_out: bool = False, limit: int = 50) -> list[Job]:
        """Give handles of the newest clips in the ledger, newest first; nothing is sent for planned ones."""
        if not self.has_ledger():
            return []
        rows = self.ledger.rows(statuses=OUT if only_out else None, limit=limit, newest_first=True)
        return [self.runner(row.service).take(row) for row in rows]

    def job(self, id_: str) -> Job:
        """Give the handle of a clip by its id or an unambiguous beginning of it."""
        row = self.ledger.row(self.ledger.resolve_id(id_))
        return self.runner(row.service).take(row)

    def jobs_named(self, name: str) -> list[Job]:
        """Give handles of the clips that carry a name, oldest first."""
        return [self.runner(row.service).take(row) for row in self.ledger.rows(name=name)]

    def jobs_of_batch(self, batch_id: str) -> list[Job]:
        """Give handles of the clips that a batch shows, in its order."""
        return [self.runner(row.service).take(row) for row in self.ledger.rows(batch=batch_id)]

    def batch_of(self, jobs: Sequence[Job], *, is_headless: bool = False) -> Batch:
        """Put jobs together to be shown, without a new batch in the ledger."""
        places = tuple(Place(job, dict(job.axes), is_new=False) for job in jobs)
        service = jobs[0].service if jobs else ""
        return Batch(f"show-{uuid.uuid4().hex[:8]}", places, self, service=service, is_headless=is_headless)

    def resume(self) -> list[Job]:
        """Take up what is out: poll, fetch and reconcile, but never submit."""
        if not self.has_ledger():
            return []
        return [self.runner(row.service).take(row) for row in self.ledger.rows(statuses=OUT)]

    def has_ledger(self) -> bool:
        """Tell whether there is a ledger, without making one."""
        return self._ledger is not None or (self.folder / self.settings().dir / "ledger.db").is_file()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the background loop and wait for it, keeping the notebook's own tasks going."""
        future = self._loop.submit(coroutine)
        waiting.wait(future)
        return future.result()

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
        quoted: list[tuple[GenerationRequest, Quote]] = []
        for name in names:
            variant = self.variant(name)
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
                quoted.append((request, self._asked_price(variant, request)))
        return price_frame(quoted, takes)

    def _asked_price(self, variant: Variant, request: GenerationRequest) -> Quote:
        """Give the live price, or the dated table's where the service does not say."""
        service = self.service_name()
        if service == "wavespeed":
            desk = self.runner(service).desk
            sent = {n: ANY_PICTURE if isinstance(v, ImageRef) else v for n, v in request.inputs.items()}

            async def ask() -> Decimal:
                return await (await desk.service.client()).price(request.model_id, sent)

            try:
                return Quote(self.call(ask()), "service", "", is_estimate=False)
            except errors.ServiceError:
                pass
        return table_quote(variant, request)

    def balance(self) -> Decimal:
        """Ask the service what is left on the account, in US dollars."""
        desk = self.runner(self.service_name()).desk

        async def ask() -> Decimal:
            return await (await desk.service.client()).balance()

        return self.call(ask())

    def frame_of(self, batch: Batch) -> DataFrame:
        """Give a batch's rows as a DataFrame."""
        ids = [job.id for job in batch]
        return history(self.ledger, batch_id=None if batch.id.startswith("show-") else batch.id, ids=ids)

    def history(self, **filters: Any) -> DataFrame:
        """Give every clip of the ledger as a DataFrame."""
        return history(self.ledger, **filters)

    def show(self, batch: Batch) -> bool:
        """Show a batch's card, where somebody draws."""
        return self.front is not None and self.front.show(batch)

    def close(self) -> None:
        """Stop the background work, the simulator this session started and the worker; jobs go on at the service."""
        with self._lock:
            runners, self._runners = list(self._runners.values()), {}
        for runner in runners:
            service = runner.desk.service
            assert isinstance(service, WaveSpeed | Simulator)
            self._loop.submit(service.close()).result(15)
            service.stop()
        self._loop.close()
        self._worker.close()
        for executor in (self._ledger_thread, self._work_thread):
            executor.shutdown()
        if self._ledger is not None:
            self._ledger.close()


def read_usd(value: object, name: str) -> Decimal:
    """Read a sum of US dollars that a person wrote.

    Raises
    ------
    InvalidRequest
        It is none.
    """
    try:
        usd = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal("nan")
    if not usd.is_finite() or usd < 0:
        raise errors.InvalidRequest(
            f"{name} is {str(value)[:40]!r}; it takes a sum in US dollars such as 2.50."
        )
    return usd


def _texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _numbers(value: int | Sequence[int] | None) -> tuple[int | None, ...]:
    return (None,) if value is None else tuple(value) if isinstance(value, Sequence) else (value,)


def _groups(value: Sequence[str] | Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...]:
    """Take one group of axes, or several."""
    if not value:
        return ()
    if all(isinstance(each, str) for each in value):
        return (tuple(str(each) for each in value),)
    return tuple(tuple(each) for each in value)


def _take_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise errors.InvalidRequest(f"takes is {str(value)[:40]!r}; it takes a whole number of at least 1.")
    return value


def _check_terms(paid: Sequence[NewClip], terms: Terms) -> None:
    """Refuse what is over the cell's own limits, before anything is written."""
    if not paid:
        return
    if terms.offline:
        raise errors.NotOnDisk(
            f"{_clips(len(paid))} of this cell {'is' if len(paid) == 1 else 'are'} not on disk, and --offline sends nothing: "
            f"{paid[0].variant} {paid[0].prompt[:60]!r}. Leave --offline out to make them for "
            f"{usd_text(sum_usd(clip.quote_usd for clip in paid))}."
        )
    _check_max_cost([clip.quote_usd for clip in paid], terms)


def _check_max_cost(prices: Sequence[Decimal | None], terms: Terms) -> None:
    """Refuse a sum over ``--max-cost``, or one that nobody knows."""
    if terms.max_cost is None:
        return
    total = sum_usd(prices)
    if total is None:
        raise errors.BudgetExceeded(
            "Not sent: the price of a clip is unknown, so --max-cost cannot be kept. Ask with %hailuo quote."
        )
    if total > terms.max_cost:
        raise errors.BudgetExceeded(
            f"Not sent: {usd_text(total)} is over this cell's limit of {usd_text(terms.max_cost)}. "
            "Raise --max-cost or drop a take."
        )


def _placed(runner: Runner, clip: Wanted, reserved: Reserved, *, held: str) -> Place:
    """Hand one row to the runner, with what to send where it is this cell's to send."""
    is_mine = reserved.is_new or (reserved.is_joined and runner.is_held(reserved.row.id))
    job = runner.take(
        reserved.row,
        request=clip.request if is_mine else None,
        cached=reserved.is_cached,
        held=held if is_mine else "",
        fence=reserved.fence,
    )
    return Place(job, dict(clip.axes), is_mine)


def _new_clip(clip: Wanted, service: str, name: str | None, tags: Sequence[str]) -> NewClip:
    request = clip.request
    return NewClip(
        service=service,
        request_hash=request.hash,
        take=clip.take,
        variant=request.variant,
        model_id=request.model_id,
        prompt=request.prompt,
        prompt_template=clip.template,
        axes=clip.axes,
        inputs=request.ledger_inputs(),
        image=request.image.label if request.image else None,
        quote_usd=clip.quote.usd,
        quote_source=clip.quote.source,
        quote_as_of=clip.quote.as_of,
        duration_s=float(request.duration_s) if request.duration_s else None,
        name=name,
        tags=tuple(tags),
    )


def _key_text(runner: Runner) -> str:
    service = runner.desk.service
    return service.key.value if isinstance(service, WaveSpeed) else SIMULATOR_KEY


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"
