"""The ledger as everybody uses it.

In come a file and what jobs, sessions and people want written or read; out come frozen rows. Each method is
one transaction, whole or not at all; any thread may call any of them, and several kernels may have the same
ledger open. Nothing here belongs on an event loop: a commit waits for the disk. Next: `hailuo_nb.jobs` and
`hailuo_nb.analysis`.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from hailuo_nb.catalog.quotes import sum_usd, usd_text
from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.ledger import importing, measuring, moving, reading, reserving, turns, voting
from hailuo_nb.ledger.database import Database, check_file, is_networked, migrate
from hailuo_nb.ledger.faults import one_line
from hailuo_nb.ledger.kernels import LEASE_S, KernelLocks
from hailuo_nb.ledger.rows import (
    BallotRow,
    BatchRow,
    ClipRow,
    EventRow,
    NewBatch,
    NewClip,
    Place,
    Reserved,
    VoteRow,
    fields_from,
    notebook_name,
    to_json,
    to_usd,
    typed_id,
)
from hailuo_nb.ledger.status import COUNTED_SQL, OUT
from hailuo_nb.ledger.tables import batches, clips, kernels, memory, settings, spent
from hailuo_nb.ledger.writing import Writing, committed_micros

_IMPORTED = "imported_utc_ms IS NOT NULL"  # in these words SQLite recognises the condition of the index
_UNSET: Any = object()
_KEPT = select(memory).where(memory.c.key == bindparam("wanted"))
COPY = (
    "this ledger cannot be written, so it is only shown. Give this user the right to write beside the notebook, or "
    "copy the folder to where that is so."
)


class Ledger:
    """One row per clip that was or will be paid, in one SQLite file.

    Open it with `Ledger.open`; close it, or use it as a context.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    kernel : str
        The name by which this ledger's rows know their owner.
    is_copy : bool
        The real one cannot be written, and this is a copy that goes with the kernel: what would be paid, or is to last,
        is refused.
    on_write : callable or None
        Called after each write.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Ledger.open(Path(folder.name) / "ledger.db") as ledger:
    ...     ledger.rows()
    []
    >>> folder.cleanup()
    """

    def __init__(
        self, path: Path, database: Database, locks: KernelLocks, kernel: str, clock: Callable[[], float]
    ) -> None:
        self.path = path
        self.kernel = kernel
        self._database = database
        self._locks = locks
        self._clock = clock
        self.is_copy = False
        self.on_write: Callable[[], None] | None = None
        self._is_networked = False
        self._salt = b""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        kernel: str | None = None,
        clock: Callable[[], float] = time.time,
        networked: bool | None = None,
        is_copy: bool = False,
    ) -> Ledger:
        """Open a ledger, making or migrating it.

        Parameters
        ----------
        path : pathlib.Path
            Its file, mostly ``hailuo/ledger.db``; the lock files are in ``locks`` beside it.
        kernel : str, optional
            A name for this kernel, of which there is no other alive; a random one by default.
        clock : callable, optional
            Gives the seconds since 1970.
        networked : bool, optional
            Whether the file lies on a network drive; found out by default.
        is_copy : bool
            Whether it is a copy of one that cannot be written.

        Raises
        ------
        LedgerError
            The file is not a ledger, or a newer one, or cannot be written.
        """
        path = Path(path).absolute()
        name = kernel or f"k{secrets.token_hex(6)}"
        check_file(path)
        locks = KernelLocks(path.parent / "locks", name)
        database: Database | None = None
        try:
            with locks.opening():
                is_far = is_networked(path) if networked is None else networked
                database = Database(path, is_networked=is_far)
                ledger = cls(path, database, locks, name, clock)
                ledger._is_networked, ledger.is_copy = is_far, is_copy
                migrate(database, ledger._now_ms)
                locks.hold()
                ledger._settle_in()
        except BaseException as error:
            locks.drop()
            if database is not None:
                database.close()
            if isinstance(error, OSError):
                raise one_line(path, error) from error
            raise
        return ledger

    def close(self) -> None:
        """Let go of every row and of the file; what was on its way stays written down for the next kernel."""
        with suppress(LedgerError), self._write() as writing:
            moving.release(writing, None)
            writing.connection.execute(delete(kernels).where(kernels.c.kernel == self.kernel))
        with suppress(LedgerError):
            self.checkpoint()
        self._locks.drop()
        self._database.close()

    def checkpoint(self) -> None:
        """Bring all that was written into the one file, so that a copy of that alone is whole; waits for nobody."""
        self._database.checkpoint()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what a cell wants -----------------------------------------------------------------------------------

    def reserve(
        self, batch: NewBatch, clips: Sequence[NewClip], *, budget_usd: Decimal | None = None
    ) -> list[Reserved]:
        """Find or make the row of each clip of a cell, within the budget, in one transaction.

        A completed clip is shown for nothing. One that is out, unconfirmed or about to be sent is joined. One
        that was cancelled, only planned, or surely not accepted is this cell's to send, as is one that never
        was: these rows belong to this kernel when this returns. Any other failure comes back as it is.

        Parameters
        ----------
        batch : NewBatch
            The cell.
        clips : sequence of NewClip
            What it wants, place by place; equal ones are one row.
        budget_usd : Decimal, optional
            The most that each service may take in this ledger. What is spent, out, unconfirmed, or planned by
            a living kernel counts.

        Returns
        -------
        list of Reserved
            One for each place.

        Raises
        ------
        BudgetExceeded
            Nothing was written. Also where a budget is set and the price of a clip is unknown.
        """
        return self.reserve_batch(batch, clips, budget_usd=budget_usd)[1]

    def reserve_batch(
        self, batch: NewBatch, clips: Sequence[NewClip], *, budget_usd: Decimal | None = None
    ) -> tuple[str, list[Reserved]]:
        """Do what `reserve` does, and give the batch's id too."""
        with self._write() as writing:
            batch_id, reserved = reserving.reserve(writing, batch, clips, budget_usd)
            self._refuse_new(reserved)
            return batch_id, reserved

    def add(self, batch_id: str, clip: NewClip, *, budget_usd: Decimal | None = None) -> Reserved:
        """Find or make the row of one more clip, and show it last in a batch that is there; else as `reserve`.

        Asked for twice it is one clip at one place.

        Raises
        ------
        BudgetExceeded
            Nothing was written.
        """
        with self._write() as writing:
            reserved = reserving.add(writing, batch_id, clip, budget_usd)
            self._refuse_new([reserved])
            return reserved

    def find(self, identities: Sequence[tuple[str, str, int]]) -> list[ClipRow | None]:
        """Look clips up by (service, request hash, take) as `reserve` would, and write nothing."""
        with self._database.read() as connection:
            found = reserving.choose(reserving.attempts(connection, identities))
        return [found.get(identity) for identity in identities]

    def again(
        self,
        clip_id: str,
        *,
        quote_usd: Decimal | None,
        quote_source: str | None = None,
        quote_as_of: str | None = None,
        budget_usd: Decimal | None = None,
    ) -> Reserved:
        """Plan the next attempt of a clip that failed, was given up, or is unconfirmed: a button was pressed.

        The old row stays as it is, because it may be billed. Pressing twice makes one attempt.

        Raises
        ------
        BudgetExceeded
            Nothing was written.
        LedgerError
            The clip was tried again already, or is not of those that are.
        """
        with self._lasting() as writing:
            quote = (quote_usd, quote_source, quote_as_of)
            return reserving.again(writing, self._known(writing, clip_id), quote, budget_usd)

    def take_in(
        self, batch: NewBatch, clip: NewClip, *, prediction_id: str, submitted_utc: datetime | None = None
    ) -> Reserved:
        """Write down a prediction that was made elsewhere, or give the row that has it already."""
        with self._lasting() as writing:
            return reserving.take_in(writing, batch, clip, prediction_id, submitted_utc)

    def import_clips(
        self,
        batch: NewBatch,
        clips: Sequence[importing.ForeignClip],
        ballots: Sequence[importing.ForeignBallot],
        place: importing.Place,
    ) -> importing.TakenIn:
        """Take in clips and votes of somebody else, all in one transaction.

        Nothing that is here is changed, and nothing that is taken in counts in the budget: somebody else paid for it.

        Parameters
        ----------
        batch : NewBatch
            What shows them.
        clips, ballots : sequence of ForeignClip, of ForeignBallot
            Checked already, as nobody will again.
        place : callable
            Puts the file of a clip in place and gives its path, relative to the notebook's folder. When anything
            raises, nothing is written here, and taking the files away again is the caller's.
        """
        with self._lasting() as writing:
            return importing.take_in(writing, batch, clips, ballots, place)

    def requote(
        self,
        quotes: Mapping[str, Decimal],
        *,
        source: str = "service",
        as_of: str | None = None,
        budget_usd: Decimal | None = None,
    ) -> list[ClipRow]:
        """Put live prices into the planned rows that this kernel holds, and give the rows.

        Raises
        ------
        BudgetExceeded
            The sum grew past the budget; the old quotes stay.
        """
        with self._write() as writing:
            return reserving.requote(writing, dict(quotes), source, as_of, budget_usd)

    # -- who works on a clip ---------------------------------------------------------------------------------

    def own(self, clip_ids: Iterable[str]) -> dict[str, int]:
        """Take rows that nobody living has.

        A row whose kernel died while submitting becomes unconfirmed on the way, so read the rows after this.
        Planned rows are not taken: only `reserve` and `again` give those, because they look at the budget. Those
        of a dead kernel are let go.

        Returns
        -------
        dict
            The fence of each row that is this kernel's now, or was before; a living other kernel's are left
            out.
        """
        with self._write() as writing:
            return moving.own(writing, clip_ids)

    def release(self, clip_ids: Iterable[str]) -> None:
        """Let go of rows, so that another kernel may take them; planned ones stop counting in the budget."""
        with self._write() as writing:
            moving.release(writing, list(clip_ids))

    def beat(self) -> None:
        """Say that this kernel lives, where locks do not reach; to be called every 10 s."""
        if self._is_networked or not self._locks.has_lock:
            with self._write() as writing:
                self._sign_in(writing)

    def start_submit(
        self,
        clip_id: str,
        *,
        fence: int,
        per_minute: int,
        at_once: int | None = None,
        window_s: float = 60.0,
        key_fingerprint: str = "",
    ) -> tuple[float, ClipRow | None]:
        """Move a planned row to submitting, if the limits that all kernels share let it.

        Parameters
        ----------
        clip_id : str
            The clip.
        fence : int
            What `reserve` or `own` gave.
        per_minute, at_once : int
            How many submits in a window, and how many clips at the service; ``at_once`` is not looked at
            where None.
        window_s : float
            Seconds; a little over the service's minute keeps clear of its edge.
        key_fingerprint : str
            Whose limits; kept in the row.

        Returns
        -------
        tuple of float and ClipRow or None
            0.0 and the row, which is submitting: send it now. Else the seconds after which to ask again.
        """
        with self._write() as writing:
            return turns.start_submit(
                writing,
                clip_id,
                fence=fence,
                per_minute=per_minute,
                at_once=at_once,
                window_s=window_s,
                key_fingerprint=key_fingerprint,
            )

    def give_turn_back(self, service: str, *, key_fingerprint: str = "") -> None:
        """Give back the turn of a submit whose connection never opened: the service has counted nothing."""
        with self._write() as writing:
            turns.give_back(writing, service, key_fingerprint)

    def pause_submits(self, service: str, seconds: float, *, key_fingerprint: str = "") -> None:
        """Let no kernel send for a while, because the service said that it is too much.

        Parameters
        ----------
        service, key_fingerprint : str
            Whose limits.
        seconds : float
            For how long, a quarter of an hour at the most; a longer pause that is on already stays.
        """
        with self._write() as writing:
            turns.pause(writing, service, key_fingerprint, seconds)

    def move(
        self,
        clip_id: str,
        *,
        fence: int,
        to: str,
        from_: Collection[str] | None = None,
        detail: str = "",
        **columns: Any,
    ) -> ClipRow:
        """Give a row its next status and whatever is known by then.

        The times of submit, start, end of generation and finish are stamped, a completed clip costs its quote
        until the billing says otherwise, and a final status lets go of the row.

        Parameters
        ----------
        clip_id : str
            The clip.
        fence : int
            What `reserve` or `own` gave.
        to : str
            The status; the same as before to write columns only.
        from_ : collection of str, optional
            The statuses it may have now.
        detail : str
            For the event.
        **columns
            Fields of `ClipRow`, those in `hailuo_nb.ledger.moving.SETTABLE`. Of ``url`` the query is cut off.

        Raises
        ------
        FenceLost
            Another kernel has the row.
        TransitionRefused
            The row cannot go there from where it is.
        PredictionTaken, PathTaken
            Another row has that prediction or that file.
        """
        with self._write() as writing:
            row = moving.held(writing, clip_id, fence)
            return moving.move(writing, row, to=to, from_=from_, detail=detail, columns=columns)

    def begun(self, fences: Mapping[str, int]) -> list[ClipRow]:
        """Move those of this kernel's submitted rows to processing that the service was seen working on.

        One write for what one answer told of many; a row that is not there any more, or not this kernel's, is left
        alone.

        Parameters
        ----------
        fences : Mapping
            By clip id, what `reserve` or `own` gave.

        Returns
        -------
        list of ClipRow
            Those that changed.
        """
        with self._write() as writing:
            return moving.begun(writing, fences)

    def set_cost(self, clip_id: str, cost_usd: Decimal, *, source: str = "billing") -> ClipRow:
        """Write what a clip really cost."""
        rows = self.set_costs({clip_id: cost_usd}, source=source)
        if not rows:
            raise LedgerError(f"The ledger has no clip {clip_id}. `%hailuo jobs` lists what it has.")
        return rows[0]

    def set_costs(self, costs: Mapping[str, Decimal], *, source: str = "billing") -> list[ClipRow]:
        """Write what clips really cost, refunds taken off; unknown ids are left out.

        There is no fence: a bill is a fact, whoever reads it.
        """
        with self._write() as writing:
            return moving.set_costs(writing, costs, source)

    def rate(
        self,
        clip_id: str,
        *,
        rating: int | None = _UNSET,
        note: str | None = _UNSET,
        name: str | None = _UNSET,
        tags: tuple[str, ...] = _UNSET,
        is_hidden: bool = _UNSET,
    ) -> ClipRow:
        """Write what a person says about a clip; what is not given stays."""
        given = {"rating": rating, "note": note, "name": name, "tags": tags, "is_hidden": is_hidden}
        marks = {key: value for key, value in given.items() if value is not _UNSET}
        if marks.get("rating") is not None and marks["rating"] not in range(6):
            raise InvalidRequest(f"A rating is 1 to 5 stars, or 0 for a reject, not {rating}.")
        with self._lasting() as writing:
            return moving.mark(writing, self._known(writing, clip_id), marks)

    def open_ballot(self, seed: int, compared: Mapping[str, Any]) -> BallotRow:
        """Begin a session of voting.

        Parameters
        ----------
        seed : int
            What sides and order come from.
        compared : Mapping
            What is compared and how, JSON-able; whoever chooses the pairs finds it again after a kill.
        """
        with self._lasting() as writing:
            return voting.open_ballot(writing, seed, compared)

    def vote(
        self,
        ballot_id: str,
        *,
        number: int,
        left: str,
        right: str,
        answer: str,
        voter: str | None = None,
        took_ms: int | None = None,
    ) -> VoteRow:
        """Write down which of two clips was the better one; on disk when this returns.

        Parameters
        ----------
        ballot_id : str
            The session of voting.
        number : int
            Which vote of it this is, from 1: two windows cannot both give the same one.
        left, right : str
            The clips, as they were shown.
        answer : str
            ``left``, ``right``, ``tie`` or ``both_bad``.
        voter : str, optional
            Who says so, as free text.
        took_ms : int, optional
            How long it took.

        Raises
        ------
        InvalidRequest
            It is none of these answers, or twice the same clip.
        LedgerError
            There is no such ballot or clip, or this vote was given elsewhere.
        """
        with self._lasting() as writing:
            return voting.vote(
                writing,
                ballot_id,
                number=number,
                left=left,
                right=right,
                answer=answer,
                voter=voter,
                took_ms=took_ms,
            )

    def take_back_vote(self, ballot_id: str) -> VoteRow | None:
        """Take back the last vote of a ballot, and give it; None where there is none. Nothing is deleted."""
        with self._lasting() as writing:
            return voting.take_back(writing, ballot_id)

    def set_measures(self, clip_id: str, values: Mapping[str, float | None], *, version: int) -> None:
        """Keep what was measured of a clip; ``version`` says by which definitions."""
        with self._write() as writing:
            measuring.keep(writing, self._known(writing, clip_id), values, version)

    # -- reading ---------------------------------------------------------------------------------------------

    def ballots(self, limit: int = 100) -> list[BallotRow]:
        """Read the last sessions of voting, newest first."""
        with self._database.read() as connection:
            return voting.newest_first(connection, limit)

    def ballot(self, ballot_id: str) -> BallotRow:
        """Read one session of voting."""
        with self._database.read() as connection:
            return voting.known(connection, ballot_id)

    def votes(
        self, *, ballot_id: str | None = None, clip_ids: Collection[str] | None = None
    ) -> list[VoteRow]:
        """Read the votes that stand, oldest first: of a ballot, between these clips only, or all."""
        with self._database.read() as connection:
            return voting.of(connection, ballot_id=ballot_id, clip_ids=clip_ids)

    def unmeasured(self, version: int, clip_ids: Collection[str] | None = None) -> list[ClipRow]:
        """Read completed rows that were not measured by these definitions, oldest first."""
        with self._database.read() as connection:
            return measuring.missing(connection, version, clip_ids)

    def rows(
        self,
        ids: Collection[str] | None = None,
        *,
        batch: str | None = None,
        statuses: Collection[str] | None = None,
        service: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        **more: Any,
    ) -> list[ClipRow]:
        """Read rows, each once; ``more`` are further fields of `hailuo_nb.ledger.reading.Wanted`."""
        wanted = reading.Wanted(
            ids=ids,
            batch=batch,
            statuses=statuses,
            service=service,
            limit=limit,
            newest_first=newest_first,
            **more,
        )
        with self._database.read() as connection:
            return reading.rows(connection, wanted)

    def row(self, clip_id: str) -> ClipRow:
        """Read one row.

        Raises
        ------
        LedgerError
            The ledger has no such clip.
        """
        with self._database.read() as connection:
            return Writing(connection, self.kernel, 0, lambda _: True).clip(clip_id)

    def table(self, wanted: reading.Wanted) -> reading.Columns:
        """Read bare columns, for the history."""
        with self._database.read() as connection:
            return reading.table(connection, wanted)

    def out(self, service: str | None = None) -> list[ClipRow]:
        """Read what a submit has left for, or is about to, and is not here, oldest first."""
        return self.rows(statuses=OUT, service=service)

    def has_completed(self, service: str) -> bool:
        """Tell whether any clip of a service is done; one look into an index, whatever the ledger's size."""
        wanted = select(clips.c.seq).where(clips.c.status == "completed", clips.c.service == service).limit(1)
        with self._database.read() as connection:
            return connection.execute(wanted).first() is not None

    def unsettled(self, service: str, limit: int = 1000) -> list[ClipRow]:
        """Read finished rows whose cost no billing has told, oldest first."""
        with self._database.read() as connection:
            return reading.unsettled(connection, service, limit)

    def events(self, clip_id: str) -> list[EventRow]:
        """Read what happened to a clip, oldest first."""
        with self._database.read() as connection:
            return reading.told(connection, clip_id)

    def durations(
        self, variant: str, service: str, limit: int = 20, *, asked_s: float | None = None
    ) -> list[float]:
        """Read how many seconds the last clips of a variant took from submit to done, newest first.

        Parameters
        ----------
        variant, service : str
            Of what, and where.
        limit : int
            The most that are given.
        asked_s : float, optional
            Only clips of this length, in seconds, once there are a few; a longer clip takes longer.
        """
        with self._database.read() as connection:
            return reading.durations(connection, variant, service, limit, asked_s)

    def committed_usd(self, service: str) -> Decimal:
        """Sum what a service has taken from the budget: spent, out, unconfirmed, and planned by a kernel."""
        with self._database.read() as connection:
            return to_usd(committed_micros(connection, service)) or Decimal(0)

    def resolve_id(self, prefix: str) -> str:
        """Find the one clip whose id begins so, as a person types it.

        Raises
        ------
        InvalidRequest
            None begins so, or several do.
        """
        start = typed_id(prefix)
        last = "{"  # the character after z
        with self._database.read() as connection:
            statement = select(clips.c.id).where(clips.c.id >= start, clips.c.id < start + last)
            found = (
                list(connection.execute(statement.order_by(clips.c.id).limit(4)).scalars()) if start else []
            )
        if start in found or len(found) == 1:
            return start if start in found else found[0]
        if not found:
            raise InvalidRequest(f"No clip's id begins with {prefix[:40]!r}. `%hailuo jobs` lists them.")
        more = " and more" if len(found) > 3 else ""
        raise InvalidRequest(f"{prefix[:40]!r} could be {', '.join(found[:3])}{more}. Type more of the id.")

    def batch(self, batch_id: str) -> BatchRow | None:
        """Read a batch."""
        with self._database.read() as connection:
            stored = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().first()
        return None if stored is None else BatchRow(**fields_from(stored))

    def places(self, batch_id: str) -> list[Place]:
        """Read what a batch shows, place by place."""
        with self._database.read() as connection:
            return reading.places(connection, batch_id)

    def latest_version_of_cell(self, notebook: str | None, cell_id: str) -> str | None:
        """Give the id of the newest batch of a cell."""
        newest = self.versions_of_cell(notebook, cell_id, limit=1)
        return newest[0].id if newest else None

    def latest_batch_in_variable(self, variable: str, notebook: str | None = None) -> str | None:
        """Give the id of the newest batch that a cell put into a variable, this notebook's before others'."""
        wanted = select(batches.c.id).where(batches.c.options == to_json({"variable": variable}))
        is_here = batches.c.notebook.is_(notebook_name(notebook))
        with self._database.read() as connection:
            return connection.execute(wanted.order_by(is_here.desc(), batches.c.seq.desc()).limit(1)).scalar()

    def versions_of_cell(self, notebook: str | None, cell_id: str, limit: int = 100) -> list[BatchRow]:
        """Read the batches of a cell, newest first."""
        statement = (
            select(batches)
            .where(batches.c.cell_id == cell_id, batches.c.notebook.is_(notebook_name(notebook)))
            .order_by(batches.c.seq.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [BatchRow(**fields_from(stored)) for stored in connection.execute(statement).mappings()]

    # -- memory ----------------------------------------------------------------------------------------------

    def remember(self, key: str, value: Any) -> None:
        """Keep something fetched: a schema, a price, an upload. JSON-able."""
        text = json.dumps(value)
        with self._write() as writing:
            statement = upsert(memory).values(key=key, value=text, fetched_utc_ms=writing.now_ms)
            changed = {"value": text, "fetched_utc_ms": writing.now_ms}
            writing.connection.execute(statement.on_conflict_do_update(["key"], set_=changed))

    def recall(self, key: str, max_age_s: float | None = None) -> Any:
        """Give what was kept; None where there is nothing, or it is older than that many seconds."""
        with self._database.read() as connection:
            kept = connection.execute(_KEPT, {"wanted": key}).first()
        if kept is None:
            return None
        age_ms = self._now_ms() - kept.fetched_utc_ms
        # From the future: the clock was put back, and nobody knows how old it is.
        if max_age_s is not None and not -1000 <= age_ms <= max_age_s * 1000:
            return None
        try:
            return json.loads(kept.value)
        except (ValueError, RecursionError):
            return None

    def forget(self, key: str) -> None:
        """Drop what was kept."""
        with self._write() as writing:
            writing.connection.execute(delete(memory).where(memory.c.key == key))

    def fingerprint(self, key: str) -> str:
        """Give 16 digits by which this ledger knows a key again, and nobody can find it."""
        return hmac.new(self._salt, key.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:16]

    # -- inside ----------------------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[Writing]:
        with self._database.write() as connection:
            seen: dict[str, bool] = {}

            def is_alive(kernel: str) -> bool:
                if kernel not in seen:
                    seen[kernel] = self._is_alive(writing, kernel)
                return seen[kernel]

            writing = Writing(connection, self.kernel, self._now_ms(), is_alive)
            yield writing
        if self.on_write is not None:
            self.on_write()

    @contextmanager
    def _lasting(self) -> Iterator[Writing]:
        """Write what somebody relies on finding again."""
        if self.is_copy:
            raise LedgerError(f"Nothing was written or sent: {COPY}")
        with self._write() as writing:
            yield writing

    def _refuse_new(self, reserved: Sequence[Reserved]) -> None:
        """Send nothing whose row would not outlive this kernel; what was written for it is rolled back."""
        new = [each.row for each in reserved if each.is_new]
        if self.is_copy and new:
            count = "1 clip is" if len(new) == 1 else f"{len(new)} clips are"
            which = (
                f"{new[0].variant} {new[0].prompt[:60]!r}, {usd_text(sum_usd(row.quote_usd for row in new))}"
            )
            raise LedgerError(f"{count} not here ({which}), and nothing was sent: {COPY}")

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)

    def _is_alive(self, writing: Writing, kernel: str) -> bool:
        """Whether a kernel lives: its lock says, and where locks do not reach, its lease."""
        if self._locks.is_held(kernel):
            return True
        statement = select(kernels).where(kernels.c.kernel == kernel)
        signed = writing.connection.execute(statement).first()
        if signed is None or (signed.has_lock and not self._is_networked):
            return False
        age_ms: int = writing.now_ms - signed.seen_utc_ms
        return abs(age_ms) < LEASE_S * 1000

    def _sign_in(self, writing: Writing) -> None:
        values = {"seen_utc_ms": writing.now_ms, "has_lock": int(self._locks.has_lock)}
        statement = upsert(kernels).values(kernel=self.kernel, **values)
        writing.connection.execute(statement.on_conflict_do_update(["kernel"], set_=values))

    def _settle_in(self) -> None:
        """Sign in, sweep up after the dead, and make the salt where there is none."""
        with self._write() as writing:
            connection = writing.connection
            self._sign_in(writing)
            self._locks.sweep()
            for kernel in list(connection.execute(select(kernels.c.kernel)).scalars()):
                if kernel != self.kernel and not writing.is_alive(kernel):
                    connection.execute(delete(kernels).where(kernels.c.kernel == kernel))
            reserving.free_planned(writing, reserving.services_planned(connection))
            made = upsert(settings).values(name="salt", value=secrets.token_hex(16))
            connection.execute(made.on_conflict_do_nothing())
            salt = connection.execute(select(settings.c.value).where(settings.c.name == "salt")).scalar_one()
            self._salt = str(salt).encode()
            self._audit(connection)

    def _audit(self, connection: Connection) -> None:
        """Hold the running sums against the rows: the file may be a stranger's, and too low a sum would be room."""
        # Grouped in the order of an index that holds all that counts, so that the rows need not be read.
        audit = f"SELECT service, sum({COUNTED_SQL}) FROM clips GROUP BY status, service"  # noqa: S608
        right: dict[str, int] = {}
        for service, micros in connection.exec_driver_sql(audit):
            right[service] = right.get(service, 0) + micros
        for service, micros in connection.exec_driver_sql(audit.replace("GROUP", f"WHERE {_IMPORTED} GROUP")):
            right[service] -= micros
        have = dict(connection.execute(select(spent.c.service, spent.c.micros)).fetchall())
        for service in right.keys() | have.keys():
            micros = right.get(service, 0)
            if have.get(service) != micros:
                statement = upsert(spent).values(service=service, micros=micros)
                connection.execute(statement.on_conflict_do_update(["service"], set_={"micros": micros}))

    def _known(self, writing: Writing, clip_id: str) -> str:
        return writing.clip(clip_id).id
