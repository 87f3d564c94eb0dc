"""A small world for tests of jobs: a clock that jumps, a service that keeps its own books, one thread.

Everything runs on one asyncio loop whose time is virtual: where nothing is left to do it jumps to the next timer, and
where there is no timer either it says so, since that is a job without a next step. The ledger is a real one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest, build
from hailuo_nb.catalog.variants import find
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.jobs.job import FINAL, Job
from hailuo_nb.jobs.runner import Runner
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.media.measures import VERSION
from hailuo_nb.settings import TIERS
from hailuo_nb.wavespeed.client import Client
from hailuo_nb.wavespeed.prediction import Prediction

__all__ = ["Clock", "FakeService", "Stuck", "World", "new_clip", "request_for", "virtual_loop"]

T = TypeVar("T")
BEGIN_S = 1_800_000_000.0


class Stuck(AssertionError):
    """Nothing will ever happen again, and somebody still waits."""


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, lets the clock jump."""

    jump: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout != 0:
            self.jump(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only when nothing else is left to do."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._claim: Callable[[], bool] | None = None
        self._end_s = 0.0
        selector = _Selector()
        selector.jump = self._jump
        super().__init__(selector)
        self.set_default_executor(Inline())
        self.set_exception_handler(_raise)
        self.uncaught: list[dict[str, Any]] = []

    def time(self) -> float:
        """Give the virtual seconds since the loop was made."""
        return self.now_s

    def run_until(self, claim: Callable[[], bool], at_most_s: float) -> None:
        """Go on until a claim holds at a moment when there is nothing else to do."""
        if claim():
            return
        self._claim, self._end_s = claim, self.now_s + at_most_s
        try:
            self.run_forever()
        finally:
            self._claim = None
        assert claim(), f"it did not come to be in {at_most_s:g} s"

    def _jump(self, seconds: float | None) -> None:
        if self._claim is not None and (self._claim() or self.now_s > self._end_s):
            self.stop()
        elif seconds is None:
            raise Stuck("no timer is set and nothing is on its way")
        else:
            self.now_s += seconds


def _raise(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    cast(VirtualLoop, loop).uncaught.append(context)


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """Give a loop, and make sure that nothing was swallowed on it."""
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()
    assert not loop.uncaught, loop.uncaught


class Inline(ThreadPoolExecutor):
    """Does everything at once, in the caller's thread."""

    def __init__(self) -> None:
        super().__init__(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass
class Here:
    """The background thread's part, played by the test's own loop."""

    loop: VirtualLoop

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function soon."""
        self.loop.call_soon(function, *args)

    def is_here(self) -> bool:
        """Tell that waiting is allowed: the test itself drives the loop."""
        return False

    def close(self) -> None:
        """End nothing."""


@dataclass
class Clock:
    """Seconds since 1970 on the loop's time."""

    loop: VirtualLoop
    skipped_s: float = 0.0

    def __call__(self) -> float:
        """Give the seconds."""
        return BEGIN_S + self.loop.now_s + self.skipped_s

    def utc(self) -> datetime:
        """Give the time, zone-aware."""
        return datetime.fromtimestamp(self(), UTC)


@dataclass
class Made:
    """A prediction in the service's own books."""

    id: str
    model: str
    inputs: dict[str, Any]
    created: datetime
    ready: datetime
    key: str
    ending: str = "completed"
    outputs: int = 1


@dataclass
class FakeService:
    """A service with books of its own.

    `answers` says what becomes of the next submits: ``ok``, ``lost`` (accepted, no answer), ``nothing`` (not accepted,
    no answer), ``unsent`` (never connected), ``429``, ``credits``, ``refused``. When it is empty they are ``ok``.
    """

    clock: Clock
    name: str = "wavespeed"
    speed: float = 1.0
    key: str = "key-a"
    generation_s: float = 60.0
    tells_inputs: bool = True
    is_up: bool = True
    lists_after_s: float = 0.0
    list_lags_s: float = 0.0
    list_trouble: Exception | None = None
    live_price: Decimal | None = None
    answers: deque[str] = field(default_factory=deque)
    downloads: deque[Exception | bytes] = field(default_factory=deque)
    results: deque[Exception] = field(default_factory=deque)
    books: dict[str, Made] = field(default_factory=dict)
    posts: list[tuple[str, str]] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    revived: int = 0
    outputs: int = 1
    upload_query: str = ""
    price_s: float = 0.0
    submit_s: float = 0.1

    async def client(self) -> Client:
        """Give the client."""
        return cast(Client, FakeClient(self))

    async def revive(self) -> None:
        """Count it."""
        self.revived += 1

    def accepted_for(self, prompt: str) -> list[str]:
        """Give the ids of what was accepted for a prompt."""
        return [made.id for made in self.books.values() if made.inputs["prompt"] == prompt]

    def accept(self, model: str, inputs: Mapping[str, Any]) -> Made:
        """Enter a prediction."""
        made = Made(
            hashlib.sha256(f"{len(self.books)}".encode()).hexdigest()[:32],
            model,
            dict(inputs),
            self.clock.utc(),
            self.clock.utc() + timedelta(seconds=self.generation_s),
            self.key,
            outputs=self.outputs,
        )
        self.books[made.id] = made
        return made


@dataclass
class FakeClient:
    """The client's part of it."""

    at: FakeService
    base_url: str = "https://service.test"

    def _reach(self) -> None:
        if not self.at.is_up:
            raise errors.NotConnected("The service could not be reached.")

    async def submit(self, model_id: str, inputs: Mapping[str, Any]) -> Prediction:
        """Take a submit as the next of `answers` says."""
        at = self.at
        await asyncio.sleep(at.submit_s)
        self._reach()
        answer = at.answers.popleft() if at.answers else "ok"
        at.posts.append((str(inputs.get("prompt")), answer))
        refusals: dict[str, errors.HailuoError] = {
            "unsent": errors.NotConnected("Never opened."),
            "429": errors.RateLimited("Too many.", status_code=429, retry_after=7.0),
            "credits": errors.InsufficientCredits("No credits."),
            "refused": errors.RequestRefused("The service does not like it.", status_code=400),
            "nothing": errors.SubmitUnconfirmed("It broke off."),
        }
        if answer in refusals:
            raise refusals[answer]
        made = at.accept(model_id, inputs)
        await asyncio.sleep(0.1)
        if answer == "lost":
            raise errors.SubmitUnconfirmed("It broke off.")
        return self._told(made)

    def _told(self, made: Made, *, with_inputs: bool = False, lag_s: float = 0.0) -> Prediction:
        at = self.at
        is_ready = at.clock.utc() >= made.ready + timedelta(seconds=lag_s)
        status = made.ending if is_ready else "processing"
        urls = tuple(f"https://files.test/{made.id}-{n}.mp4?signature=s" for n in range(made.outputs))
        return Prediction(
            made.id,
            model=made.model,
            status=status,
            outputs=urls if status == "completed" else (),
            created_utc=made.created,
            execution_ms=int(at.generation_s * 1000) if is_ready else None,
            inputs=made.inputs if with_inputs else None,
        )

    async def result(self, prediction_id: str) -> Prediction:
        """Answer a poll."""
        at = self.at
        await asyncio.sleep(0.05)
        self._reach()
        at.polls.append(at.clock.loop.now_s)
        if at.results:
            raise at.results.popleft()
        made = at.books.get(prediction_id)
        if made is None or made.key != at.key or at.clock.utc() > made.created + timedelta(days=7, minutes=5):
            raise errors.NotFound("No such prediction.", status_code=404)
        return self._told(made)

    async def recent(self, **asked: Any) -> list[Prediction]:
        """List what was made, newest first."""
        await asyncio.sleep(0.05)
        self._reach()
        at = self.at
        at.lists.append(at.clock.loop.now_s)
        if at.list_trouble is not None:
            raise at.list_trouble
        return [
            self._told(made, with_inputs=at.tells_inputs, lag_s=at.list_lags_s)
            for made in reversed(at.books.values())
            if made.model == asked["model"]
            and asked["created_after"] <= made.created <= asked["created_before"]
            and made.key == at.key
            and made.created + timedelta(seconds=at.lists_after_s) <= at.clock.utc()
        ]

    async def price(self, *_: Any) -> Decimal:
        """Give the live price."""
        await asyncio.sleep(self.at.price_s)
        self._reach()
        if self.at.live_price is None:
            raise errors.ServiceUnavailable("No price just now.")
        return self.at.live_price

    async def upload(self, _data: bytes, filename: str, _content_type: str) -> str:
        """Take a picture."""
        await asyncio.sleep(0.2)
        self.at.uploads.append(filename)
        return f"https://files.test/up/{filename}{self.at.upload_query}"

    async def download(self, url: str, path: Path, **_: Any) -> int:
        """Write what is next of `downloads`, or a good clip."""
        await asyncio.sleep(0.1)
        self._reach()
        found = self.at.downloads.popleft() if self.at.downloads else f"CLIP {url}".encode()
        if isinstance(found, Exception):
            raise found
        part = path.with_name(path.name + ".part")
        part.write_bytes(found)
        return len(found)


class FakeWorker:
    """Knows a clip by its first letters."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Look at a file."""
        self.calls.append(operation)
        data = Path(str(arguments["path"])).read_bytes()
        if operation == "measure":
            return {"measures": {"motion_px": 1.5}, "version": VERSION}
        if not data.startswith(b"CLIP"):
            raise errors.ClipInvalid("What came is not a playable video.")
        facts = {
            "bytes": len(data),
            "width": 1366,
            "height": 768,
            "fps": 24.0,
            "duration_s": 6.0,
            "codec": "h264",
            "frames": 144,
            "has_audio": False,
        }
        sha256 = hashlib.sha256(data).hexdigest()
        return {"facts": facts, "sha256": sha256, "poster": base64.b64encode(b"jpeg").decode()}

    def close(self) -> None:
        """End nothing."""


class NoHome:
    """Nothing can be done with a finished clip here."""

    def frame(self, job: Job, seconds: float | None) -> ImageRef:
        """Refuse."""
        raise NotImplementedError

    def animate(self, job: Job, prompt: str, variant: str, options: Mapping[str, Any]) -> Job:
        """Refuse."""
        raise NotImplementedError


def request_for(
    prompt: str, variant: str = "t2v-standard", image: ImageRef | None = None
) -> GenerationRequest:
    """Make the request of a prompt."""
    return build(find(variant), prompt=prompt, image=image)


def new_clip(request: GenerationRequest, take: int = 1, **changes: Any) -> NewClip:
    """Make the clip of a request."""
    fields: dict[str, Any] = {
        "service": "wavespeed",
        "request_hash": request.hash,
        "take": take,
        "variant": request.variant,
        "model_id": request.model_id,
        "prompt": request.prompt,
        "inputs": request.ledger_inputs(),
        "quote_usd": Decimal("0.28"),
        "quote_source": "table",
    }
    return NewClip(**fields | changes)


class World:
    """One kernel: a runner on a ledger, and the service, which may be another kernel's too."""

    def __init__(
        self,
        folder: Path,
        loop: VirtualLoop,
        *,
        kernel: str = "k1",
        service: FakeService | None = None,
        **desk: Any,
    ) -> None:
        self.folder = folder
        self.loop = loop
        self.clock = service.clock if service else Clock(loop)
        self.service = service or FakeService(self.clock)
        self.ledger = Ledger.open(folder / "hailuo" / "ledger.db", kernel=kernel, clock=self.clock)
        self.worker = FakeWorker()
        executor: Executor = Inline()
        options: dict[str, Any] = {
            "limits": lambda: TIERS["silver"],
            "fingerprint": lambda: self.ledger.fingerprint(self.service.key),
        }
        self.desk = Desk(
            ledger=self.ledger,
            service=self.service,
            worker=self.worker,
            folder=folder,
            executor=executor,
            work_executor=executor,
            now=self.clock.utc,
            clock=self.clock,
            **options | desk,
        )
        here = Here(loop)
        self.runner = Runner(self.desk, here, NoHome(), callbacks=here)

    def ask(
        self, *prompts: str, takes: int = 1, held: str = "", image: ImageRef | None = None, **changes: Any
    ) -> list[Job]:
        """Run a cell."""
        variant = "t2v-standard" if image is None else "i2v-standard"
        requests = [request_for(prompt, variant, image) for prompt in prompts for _ in range(takes)]
        clips = [new_clip(request, 1 + number % takes, **changes) for number, request in enumerate(requests)]
        reserved = self.ledger.reserve(NewBatch(), clips)
        jobs = []
        for request, each in zip(requests, reserved, strict=True):
            is_mine = each.is_new or (each.is_joined and self.runner.is_held(each.row.id))
            jobs.append(
                self.runner.take(
                    each.row,
                    request=request if is_mine else None,
                    cached=each.is_cached,
                    held=held if is_mine else "",
                    fence=each.fence,
                )
            )
        return jobs

    def resume(self) -> list[Job]:
        """Load the extension: take up what is out."""
        return [self.runner.take(row) for row in self.ledger.out()]

    def row(self, job: Job) -> ClipRow:
        """Read a job's row from the ledger."""
        return self.ledger.row(job.id)

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, claim: Callable[[], bool], at_most_s: float = 3600.0) -> None:
        """Let time pass until something is so."""
        self.loop.run_until(claim, at_most_s)

    def skip(self, days: float) -> None:
        """Let days pass in which this machine was asleep."""
        self.clock.skipped_s += days * 86400

    def finish(self, *jobs: Job, at_most_s: float = 3600.0) -> None:
        """Let time pass until jobs are done."""
        self.until(lambda: all(job.done() for job in jobs), at_most_s)

    def kill(self) -> None:
        """End this kernel as SIGKILL does: nothing is written, its lock is free."""
        for task in asyncio.all_tasks(self.loop):
            if task.get_coro() is not None and _belongs(task, self.runner):
                task.cancel()
        self.runner._give_back = _nothing  # type: ignore[method-assign]
        self.run(0.0)
        self.ledger._locks.drop()
        self.ledger._database.close()

    def close(self) -> None:
        """End it as a session does."""
        self.loop.run_until_complete(self.runner.aclose())
        self.ledger.close()

    def is_over(self, job: Job) -> bool:
        """Tell whether the ledger says that a job is over."""
        return self.row(job).status in FINAL


async def _nothing(_: Job) -> None:
    """Write nothing."""


def _belongs(task: asyncio.Task[Any], runner: Runner) -> bool:
    """Tell whether a task is one of a runner's."""
    return task in {*runner._running.values(), runner._watcher, runner._heart}
