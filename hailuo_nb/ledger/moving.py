"""A row through its statuses, and from one kernel to another.

In come a row's id, its owner's fence and what happened, inside one write transaction; out comes the row as it
is then. The rules are data in `hailuo_nb.ledger.status`; what is stamped and released on the way is here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger.faults import FenceLost, PathTaken, PredictionTaken, TransitionRefused
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.status import FINAL, STATUSES, is_allowed
from hailuo_nb.ledger.tables import clips
from hailuo_nb.ledger.writing import Writing

SETTABLE = frozenset(
    {
        "duration_s",
        "width",
        "height",
        "fps",
        "codec",
        "frames",
        "has_audio",
        "bytes",
        "sha256",
        "path",
        "more_paths",
    }
    | {
        "cost_usd",
        "price_source",
        "submitted_utc",
        "generated_utc",
        "execution_ms",
        "error",
        "error_kind",
        "prediction_id",
        "url",
    }
    | {"url_expires_utc", "key_fingerprint", "was_accepted", "is_hidden", "note", "inputs"}
)
"""The columns a job may set while it moves a row; identity, prices, owner and stamps are the ledger's."""

_STAMPS = {"submitted": "submitted_utc", "processing": "started_utc", "downloading": "generated_utc"}


def move(
    writing: Writing,
    row: ClipRow,
    *,
    to: str,
    from_: Collection[str] | None,
    detail: str,
    columns: Mapping[str, Any],
) -> ClipRow:
    """Give a row that `held` gave its next status; see `hailuo_nb.ledger.store.Ledger.move`."""
    unknown = sorted(set(columns) - SETTABLE)
    if unknown or to not in STATUSES:
        what = f"column {unknown[0]}" if unknown else f"status {to}"
        raise LedgerError(f"A move cannot set the {what}. Look at SETTABLE and STATUSES.")
    if from_ is not None and row.status not in from_:
        raise TransitionRefused(
            f"Clip {row.id} is {row.status}, not {' or '.join(sorted(from_))}: nothing changed."
        )
    if not is_allowed(row.status, to, was_accepted=row.was_accepted):
        raise TransitionRefused(f"Clip {row.id} is {row.status} and cannot become {to}: nothing changed.")
    changed = {"status": to, "moved_utc": writing.now()} | _implied(writing, row, to) | dict(columns)
    tells = to != row.status or bool(detail)
    try:
        return writing.change(row, changed, event="status" if tells else "", detail=detail)
    except IntegrityError as error:
        raise _taken(row, columns, error) from error


def begun(writing: Writing, fences: Mapping[str, int]) -> list[ClipRow]:
    """Move rows to processing in one write; see `hailuo_nb.ledger.store.Ledger.begun`."""
    rows = [
        row
        for row in writing.clips(fences).values()
        if (row.owner, row.fence, row.status) == (writing.kernel, fences[row.id], "submitted")
    ]
    changed = {"status": "processing", "moved_utc": writing.now(), "started_utc": writing.now()}
    return writing.change_all(
        [(row, changed) for row in rows if row.started_utc is None], detail="the service works on it"
    )


def held(writing: Writing, clip_id: str, fence: int) -> ClipRow:
    """Read a row that this kernel must own by that fence."""
    row = writing.clip(clip_id)
    if row.owner != writing.kernel or row.fence != fence:
        raise FenceLost(f"Clip {row.id} is not this kernel's any more, so nothing was written. Reread it.")
    return row


def own(writing: Writing, clip_ids: Iterable[str]) -> dict[str, int]:
    """Take the rows that nobody living has; see `hailuo_nb.ledger.store.Ledger.own`."""
    fences: dict[str, int] = {}
    for row in writing.clips(clip_ids).values():
        if row.owner == writing.kernel:
            fences[row.id] = row.fence
        elif row.owner is not None and writing.is_alive(row.owner):
            continue
        elif row.status == "planned":
            if row.owner is not None:
                # Nobody sends it any more, and whoever watches it is to see that.
                writing.change(row, {"owner": None, "fence": row.fence + 1}, event="")
        else:
            taken = {"owner": writing.kernel, "fence": row.fence + 1}
            was_out = row.status in ("submitted", "processing")
            if was_out and not row.was_taken_over:
                # Nobody looked for a while, so the time at which it is seen done says nothing about how long
                # it took.
                taken["was_taken_over"] = True
            if row.status == "submitting":
                # Its kernel died, or let go, with the submit on the way: it may be billed.
                taken |= {"status": "unconfirmed", "moved_utc": writing.now()}
                writing.change(row, taken, detail="its kernel ended while the submit was on its way")
            else:
                writing.change(row, taken, event="taken-over" if row.owner else "")
            fences[row.id] = row.fence + 1
    return fences


def release(writing: Writing, clip_ids: Iterable[str] | None) -> None:
    """Let go of this kernel's rows, all of them where none are named."""
    if clip_ids is None:
        found = select(clips.c.id).where(clips.c.owner == writing.kernel)
        clip_ids = list(writing.connection.execute(found).scalars())
    mine = [row for row in writing.clips(clip_ids).values() if row.owner == writing.kernel]
    writing.change_all([(row, {"owner": None}) for row in mine], event="")


def set_costs(writing: Writing, costs: Mapping[str, Decimal], source: str) -> list[ClipRow]:
    """Write what clips really cost; see `hailuo_nb.ledger.store.Ledger.set_costs`."""
    rows = writing.clips(costs)
    changes = [
        (row, {"cost_usd": costs[row.id], "price_source": source})
        for row in rows.values()
        if (row.cost_usd, row.price_source) != (costs[row.id], source)
    ]
    changed = {row.id: row for row in writing.change_all(changes, event="cost", detail=source)}
    return [changed.get(clip_id, rows[clip_id]) for clip_id in costs if clip_id in rows]


def mark(writing: Writing, clip_id: str, marks: Mapping[str, Any]) -> ClipRow:
    """Write a person's rating, note, name or tags; see `hailuo_nb.ledger.store.Ledger.rate`."""
    return writing.change(writing.clip(clip_id), marks, event="mark", detail=", ".join(sorted(marks)))


def _implied(writing: Writing, row: ClipRow, to: str) -> dict[str, Any]:
    """Say what a status brings with it, unless the move says otherwise."""
    if to == row.status:
        return {}
    now = writing.now()
    implied: dict[str, Any] = {"owner": None} if to in FINAL else {}
    if to in _STAMPS and getattr(row, _STAMPS[to]) is None:
        implied[_STAMPS[to]] = now
    if to in FINAL and row.finished_utc is None:
        implied["finished_utc"] = now
    if to == "submitted":
        implied |= {"was_accepted": True, "error": None, "error_kind": None, "finished_utc": None}
    if to == "failed":
        # Before the service took it, a failure is a refusal: nothing was accepted, nothing is billed.
        implied["was_accepted"] = row.status not in ("planned", "submitting")
    if to == "completed":
        implied |= {"error": None, "error_kind": None}
        if row.cost_usd is None and row.quote_usd is not None:
            implied |= {"cost_usd": row.quote_usd, "price_source": "quote"}
    return implied


def _taken(row: ClipRow, columns: Mapping[str, Any], error: IntegrityError) -> LedgerError:
    """Say which of a clip's own things another row has already."""
    text = str(error.orig) if isinstance(error.orig, sqlite3.Error) else ""
    if "prediction_id" in text:
        return PredictionTaken(
            f"Prediction {columns.get('prediction_id')} belongs to another clip of this ledger."
        )
    if "path" in text:
        return PathTaken(
            f"The file {columns.get('path')} belongs to another clip of this ledger: choose another name."
        )
    return LedgerError(f"Clip {row.id} cannot be written: {text}.")
