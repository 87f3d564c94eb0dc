"""From the clips a cell wants to rows: what is new, what is on its way, what is on disk.

In come a batch and its clips with their quotes, inside one write transaction; out comes a `Reserved` for each
place of the cell. New rows are durable and within the budget before this returns: only then may a job send
anything.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Text, bindparam, select

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.rows import (
    ClipRow,
    NewBatch,
    NewClip,
    Reserved,
    clean,
    clip_row_of,
    columns_from,
    notebook_name,
    short_id,
    to_json,
    to_micros,
    to_time,
    to_usd,
)
from hailuo_nb.ledger.status import OUT
from hailuo_nb.ledger.tables import batch_clips, batches, clips
from hailuo_nb.ledger.writing import Writing, clip_row, each_of, insert_all

Identity = tuple[str, str, int]

# Put together once: every cell asks these, and for a few clips that is most of the work.
_OF_HASHES = select(clips).where(
    clips.c.service == bindparam("of"), clips.c.request_hash.in_(each_of(bindparam("hashes", type_=Text)))
)
_LATEST = (
    select(batches.c.id, batches.c.cell_hash, batches.c.previous)
    .where(batches.c.cell_id == bindparam("cell"), batches.c.notebook.is_(bindparam("file")))
    .order_by(batches.c.seq.desc())
    .limit(1)
)
_TAKEN = select(clips.c.id).where(clips.c.id.in_(each_of(bindparam("ids", type_=Text))))


def reserve(
    writing: Writing, batch: NewBatch, wanted: Sequence[NewClip], budget_usd: Decimal | None
) -> tuple[str, list[Reserved]]:
    """Find or make the row of each clip; see `hailuo_nb.ledger.store.Ledger.reserve`."""
    first, found, to_send = _sorted_out(writing, wanted, budget_usd)
    batch_id = insert_batch(writing, batch)
    shown = _shown(writing, batch_id, first, found, to_send)
    return batch_id, _place(writing, batch_id, wanted, shown)


def add(writing: Writing, batch_id: str, clip: NewClip, budget_usd: Decimal | None) -> Reserved:
    """Find or make the row of one more clip of a batch that is there; see `hailuo_nb.ledger.store.Ledger.add`."""
    first, found, to_send = _sorted_out(writing, [clip], budget_usd)
    shown = _shown(writing, batch_id, first, found, to_send)
    reserved = shown[clip.identity]
    places = select(batch_clips.c.clip_id, batch_clips.c.position).where(batch_clips.c.batch_id == batch_id)
    taken: dict[str, int] = {row.clip_id: row.position for row in writing.connection.execute(places)}
    if reserved.row.id not in taken:
        _place(writing, batch_id, [clip], shown, first=max(taken.values(), default=-1) + 1)
    return reserved


def _sorted_out(
    writing: Writing, wanted: Sequence[NewClip], budget_usd: Decimal | None
) -> tuple[dict[Identity, NewClip], dict[Identity, ClipRow], list[NewClip]]:
    """Give each clip once, the rows that there are, and what is to be sent, within the budget."""
    services = sorted({clip.service for clip in wanted})
    free_planned(writing, services)
    first: dict[Identity, NewClip] = {}
    for clip in wanted:  # in the cell's order, and of equal clips the first place counts
        first.setdefault(clip.identity, clip)
    found = choose(attempts(writing.connection, first))
    to_send = [clip for identity, clip in first.items() if is_to_send(found.get(identity))]
    for service in services:
        writing.check_budget(
            service, (clip.quote_usd for clip in to_send if clip.service == service), budget_usd
        )
    return first, found, to_send


def _shown(
    writing: Writing,
    batch_id: str,
    first: dict[Identity, NewClip],
    found: dict[Identity, ClipRow],
    to_send: Sequence[NewClip],
) -> dict[Identity, Reserved]:
    """Make and take up what is to be sent, and say of the rest how it stands."""
    new = _take_up(writing, batch_id, to_send, found)
    shown = {i: new[i] if i in new else _answer(writing, first[i], found[i]) for i in first}
    _unhide(writing, shown)
    _tell_reused(writing, batch_id, [each for each in shown.values() if each.is_cached])
    return shown


def again(
    writing: Writing,
    clip_id: str,
    quote: tuple[Decimal | None, str | None, str | None],
    budget_usd: Decimal | None,
) -> Reserved:
    """Plan the next attempt of a clip that failed or stayed without an answer; see `Ledger.again`."""
    old = writing.clip(clip_id)
    newest = max(attempts(writing.connection, [old.identity])[old.identity], key=lambda row: row.attempt)
    if newest.id != old.id:
        raise LedgerError(
            f"Clip {old.id} was tried again already as {newest.id}, which is {newest.status}. Look there."
        )
    if old.status not in ("failed", "unconfirmed", "abandoned"):
        raise LedgerError(f"Clip {old.id} is {old.status}: only a failed or unconfirmed clip is tried again.")
    free_planned(writing, [old.service])
    usd, source, as_of = quote
    writing.check_budget(old.service, [usd], budget_usd)
    row = _new_rows(writing, old.batch_id, [_asked_again(old, usd, source, as_of)], old.attempt + 1)[0]
    writing.insert([row], f"attempt {row.attempt} after {old.status}")
    statement = batch_clips.update().where(
        batch_clips.c.batch_id == old.batch_id, batch_clips.c.clip_id == old.id
    )
    writing.connection.execute(statement.values(clip_id=row.id, shown="new", saved_micros=None))
    return Reserved(row, is_new=True, is_cached=False, fence=row.fence)


def take_in(
    writing: Writing, batch: NewBatch, clip: NewClip, prediction_id: str, submitted_utc: datetime | None
) -> Reserved:
    """Write down a prediction that was made elsewhere; see `Ledger.take_in`."""
    statement = select(clips).where(clips.c.service == clip.service, clips.c.prediction_id == prediction_id)
    known = writing.connection.execute(statement).mappings().first()
    if known is not None:
        return _answer(writing, clip, clip_row(known))
    tried = attempts(writing.connection, [clip.identity])[clip.identity]
    attempt = 1 + max((row.attempt for row in tried), default=0)
    batch_id = insert_batch(writing, batch)
    row = replace(
        _new_rows(writing, batch_id, [clip], attempt)[0],
        status="submitted",
        prediction_id=prediction_id,
        submitted_utc=submitted_utc or writing.now(),
        was_accepted=True,
        was_taken_over=True,
    )
    writing.insert([row], "made elsewhere")
    reserved = Reserved(row, is_new=False, is_cached=False, is_joined=True, fence=row.fence)
    return _place(writing, batch_id, [clip], {clip.identity: reserved})[0]


def requote(
    writing: Writing, quotes: dict[str, Decimal], source: str, as_of: str | None, budget_usd: Decimal | None
) -> list[ClipRow]:
    """Put the live price into planned rows that this kernel holds; see `Ledger.requote`."""
    rows = writing.clips(quotes)
    missing = [clip_id for clip_id in quotes if clip_id not in rows]
    if missing:
        raise LedgerError(f"The ledger has no clip {missing[0]}. `%hailuo jobs` lists what it has.")
    held = [row for row in rows.values() if row.status == "planned" and row.owner == writing.kernel]
    changes = [
        (row, {"quote_usd": quotes[row.id], "quote_source": source, "quote_as_of": as_of})
        for row in held
        if (row.quote_usd, row.quote_source) != (quotes[row.id], source)
    ]
    grown: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in held:
        grown[row.service] += quotes[row.id] - (row.quote_usd or Decimal(0))
    for service, more in grown.items():
        sum_usd = (to_usd(writing.committed_micros(service)) or Decimal(0)) + more
        if budget_usd is not None and more > 0 and sum_usd > budget_usd:
            raise BudgetExceeded(
                f"Not sent: the live price is {usd_text(more)} more than quoted, which makes "
                f"{usd_text(sum_usd)} with {service}, over the budget of {usd_text(budget_usd)}. "
                "Raise budget_usd or drop some clips."
            )
    writing.change_all(changes, event="quote")
    changed = writing.clips(quotes)
    return [changed[clip_id] for clip_id in quotes]


def attempts(connection: Connection, identities: Iterable[Identity]) -> dict[Identity, list[ClipRow]]:
    """Read every attempt of each clip, oldest first."""
    found: dict[Identity, list[ClipRow]] = {identity: [] for identity in identities}
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    for service, request_hash, _ in found:
        hashes[service].add(request_hash)
    for service, each in hashes.items():
        asked = {"of": service, "hashes": json.dumps(sorted(each))}
        for stored in connection.execute(_OF_HASHES, asked).mappings():
            identity = (service, stored["request_hash"], stored["take"])
            if identity in found:
                found[identity].append(clip_row(stored))
    for rows in found.values():
        rows.sort(key=lambda row: row.attempt)
    return found


def choose(found: dict[Identity, list[ClipRow]]) -> dict[Identity, ClipRow]:
    """Choose the attempt that stands for a clip.

    Mostly the newest. But an older one that is completed or out is shown before a newer one that came to
    nothing: the clip is there, or may be, and must not be paid once more.
    """
    return {identity: max(rows, key=_standing) for identity, rows in found.items() if rows}


def free_planned(writing: Writing, services: Iterable[str]) -> None:
    """Let go of planned rows whose kernel died: nothing was sent, and they hold no budget any more."""
    for service in services:
        owners = writing.connection.exec_driver_sql(
            "SELECT DISTINCT owner FROM clips WHERE status = 'planned' AND owner IS NOT NULL AND service = ?",
            (service,),
        )
        for (owner,) in owners.fetchall():
            if not writing.is_alive(owner):
                writing.connection.exec_driver_sql(
                    "UPDATE clips SET owner = NULL, fence = fence + 1"
                    " WHERE status = 'planned' AND owner IS NOT NULL AND service = ? AND owner = ?",
                    (service, owner),
                )


def services_planned(connection: Connection) -> list[str]:
    """List the services for which somebody holds planned rows."""
    found = connection.exec_driver_sql(
        "SELECT DISTINCT service FROM clips WHERE status = 'planned' AND owner IS NOT NULL"
    )
    return [service for (service,) in found.fetchall()]


def _standing(row: ClipRow) -> tuple[int, int]:
    if row.status == "completed":
        return (3, row.attempt)
    if row.status == "planned" and row.owner is not None:
        return (2, row.attempt)
    if row.status in OUT:
        return (1 if row.status == "unconfirmed" else 2, row.attempt)
    return (0, row.attempt)


def is_to_send(row: ClipRow | None) -> bool:
    """Whether a clip has no row, or one for which surely nothing was accepted and nobody is about to send."""
    if row is None or row.status == "cancelled":
        return True
    # Rows of dead kernels were freed before, so a planned row with an owner is in living hands.
    if row.status == "planned":
        return row.owner is None
    return row.status == "failed" and row.was_accepted is False


def _answer(writing: Writing, clip: NewClip, row: ClipRow) -> Reserved:
    """Say what becomes of a clip that is not to be sent."""
    is_cached = row.status == "completed"
    saved = next((usd for usd in (clip.quote_usd, row.cost_usd, row.quote_usd) if usd is not None), None)
    return Reserved(
        row,
        is_new=False,
        is_cached=is_cached,
        is_joined=row.status == "planned" or row.status in OUT,
        fence=row.fence if row.owner == writing.kernel else None,
        saved_usd=saved if is_cached else None,
    )


def insert_batch(writing: Writing, batch: NewBatch) -> str:
    """Write a batch down, with the version of its cell before it, and give its id."""
    text = None if batch.cell_text is None else clean(batch.cell_text)
    cell_hash = None if text is None else hashlib.sha256(text.encode()).hexdigest()
    notebook = notebook_name(batch.notebook)
    previous = None
    if batch.cell_id is not None:
        latest = writing.connection.execute(_LATEST, {"cell": batch.cell_id, "file": notebook}).first()
        if latest is not None:  # run again unchanged: the version before is what it was
            previous = latest.previous if latest.cell_hash == cell_hash else latest.id
    batch_id = "b" + secrets.token_hex(5)
    row = {
        "id": batch_id,
        "created_utc_ms": writing.now_ms,
        "kernel": writing.kernel,
        "cell_hash": cell_hash,
        "notebook": notebook,
        "previous": previous,
        **columns_from(
            {"name": batch.name, "cell_id": batch.cell_id, "cell_text": text, "options": batch.options}
        ),
    }
    insert_all(writing.connection, batches, [row])
    return batch_id


def _take_up(
    writing: Writing, batch_id: str, to_send: Sequence[NewClip], found: dict[Identity, ClipRow]
) -> dict[Identity, Reserved]:
    """Make new rows and take up old ones for which nothing was accepted; this kernel owns them all."""
    old = [(clip, found[clip.identity]) for clip in to_send if clip.identity in found]
    # Asked again by another cell: that cell's words, price and place in the history count now.
    changes = []
    for clip, row in old:
        asked = blank(writing, batch_id, clip, row.attempt, row.seq, row.id)
        changes.append((row, {name: getattr(asked, name) for name in _ASKED} | {"fence": row.fence + 1}))
    rows = writing.change_all(changes, detail="planned again")
    new = _new_rows(writing, batch_id, [clip for clip in to_send if clip.identity not in found], 1)
    writing.insert(new)
    rows += new
    return {row.identity: Reserved(row, is_new=True, is_cached=False, fence=row.fence) for row in rows}


_ASKED = (
    *("batch_id", "name", "tags", "prompt", "prompt_template", "variant", "axes", "inputs", "image"),
    *(
        "asked_duration_s",
        "quote_usd",
        "quote_source",
        "quote_as_of",
        "status",
        "owner",
        "moved_utc",
        "error",
        "error_kind",
    ),
    *("was_accepted", "submitted_utc", "finished_utc", "is_hidden", "cost_usd", "price_source"),
)


def _new_rows(writing: Writing, batch_id: str, wanted: Sequence[NewClip], attempt: int) -> list[ClipRow]:
    """Make rows with their numbers and ids; they are not written yet."""
    first = writing.next_seq()
    ids = free_ids(writing.connection, [(*clip.identity, attempt) for clip in wanted])
    shared = _blank_fields(writing, batch_id, attempt)
    return [_filled(shared, clip, first + at, ids[at]) for at, clip in enumerate(wanted)]


def blank(writing: Writing, batch_id: str, clip: NewClip, attempt: int, seq: int, clip_id: str) -> ClipRow:
    """Make the row of a clip for which nothing was sent."""
    return _filled(_blank_fields(writing, batch_id, attempt), clip, seq, clip_id)


def _blank_fields(writing: Writing, batch_id: str, attempt: int) -> dict[str, Any]:
    """Give what the new rows of a batch have in common."""
    now = to_time(writing.now_ms)
    return dict.fromkeys(ClipRow.__dataclass_fields__) | {
        "batch_id": batch_id,
        "attempt": attempt,
        "status": "planned",
        "created_utc": now,
        "moved_utc": now,
        "owner": writing.kernel,
        "fence": 1,
        "more_paths": (),
        "was_taken_over": False,
        "is_hidden": False,
    }


def _filled(shared: dict[str, Any], clip: NewClip, seq: int, clip_id: str) -> ClipRow:
    """Make a row of what a batch has in common and what a cell asks."""
    asked = {
        "name": clip.name,
        "take": clip.take,
        "service": clip.service,
        "variant": clip.variant,
        "model_id": clip.model_id,
        "prompt": clean(clip.prompt),
        "prompt_template": clip.prompt_template,
        "axes": dict(clip.axes),
        "inputs": dict(clip.inputs),
        "image": clip.image,
        "asked_duration_s": clip.duration_s,
        "quote_usd": clip.quote_usd,
        "quote_source": clip.quote_source,
        "quote_as_of": clip.quote_as_of,
        "tags": tuple(clip.tags),
        "request_hash": clip.request_hash,
    }
    return clip_row_of({**shared, **asked, "seq": seq, "id": clip_id})


def _asked_again(row: ClipRow, usd: Decimal | None, source: str | None, as_of: str | None) -> NewClip:
    """Ask for the same clip as a row, at today's price."""
    return NewClip(
        service=row.service,
        request_hash=row.request_hash,
        variant=row.variant,
        model_id=row.model_id,
        prompt=row.prompt,
        take=row.take,
        prompt_template=row.prompt_template,
        axes=row.axes,
        inputs=row.inputs,
        image=row.image,
        quote_usd=usd,
        quote_source=source,
        quote_as_of=as_of,
        duration_s=row.asked_duration_s,
        name=row.name,
        tags=row.tags,
    )


def free_ids(connection: Connection, keys: Sequence[tuple[str, str, int, int]]) -> list[str]:
    """Give each new row a short id that no other has; a longer one on a collision."""
    ids = [short_id(*key) for key in keys]
    for length in (10, 12, 16, 26):
        taken = set(connection.execute(_TAKEN, {"ids": json.dumps(ids)}).scalars())
        first = {each: at for at, each in reversed(list(enumerate(ids)))}
        clashes = [at for at, each in enumerate(ids) if each in taken or first[each] != at]
        if not clashes:
            return ids
        for at in clashes:
            ids[at] = short_id(*keys[at], length)
    raise LedgerError("No id is free for a new clip, which chance does not do: was the file changed?")


def _unhide(writing: Writing, shown: dict[Identity, Reserved]) -> None:
    """Show what was hidden: a cell asks for it."""
    hidden = [(identity, each.row) for identity, each in shown.items() if each.row.is_hidden]
    rows = writing.change_all([(row, {"is_hidden": False}) for _, row in hidden], event="")
    for (identity, _), row in zip(hidden, rows, strict=True):
        shown[identity] = replace(shown[identity], row=row)


def _tell_reused(writing: Writing, batch_id: str, cached: Sequence[Reserved]) -> None:
    saved = [each.saved_usd for each in cached]
    writing.tell([each.row for each in cached], "reused", batch_id=batch_id, saved=saved)


def _place(
    writing: Writing,
    batch_id: str,
    wanted: Sequence[NewClip],
    shown: dict[Identity, Reserved],
    *,
    first: int = 0,
) -> list[Reserved]:
    """Write down what the batch shows at each place, and give it."""
    placed: list[Reserved] = []
    stored: list[dict[str, Any]] = []
    seen: set[Identity] = set()
    for position, clip in enumerate(wanted, first):
        reserved = shown[clip.identity]
        if clip.identity in seen:
            # One job, shown at each place: it is sent and counted at the first.
            word = "repeat"
            reserved = replace(
                reserved, is_new=False, is_joined=reserved.is_new or reserved.is_joined, saved_usd=None
            )
        else:
            word = _word(reserved)
        seen.add(clip.identity)
        placed.append(reserved)
        stored.append(
            {
                "batch_id": batch_id,
                "position": position,
                "clip_id": reserved.row.id,
                "shown": word,
                "axes": to_json(clip.axes),
                "prompt_template": None if clip.prompt_template is None else clean(clip.prompt_template),
                "saved_micros": to_micros(reserved.saved_usd),
            }
        )
    if stored:
        insert_all(writing.connection, batch_clips, stored)
    return placed


def _word(reserved: Reserved) -> str:
    if reserved.is_new:
        return "new"
    if reserved.is_cached:
        return "cached"
    return "joined" if reserved.is_joined else "failed"
