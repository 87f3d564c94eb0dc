"""Whose turn it is to send: the account's limits, shared by every kernel on the ledger.

In comes a planned row and what the account allows; out goes leave to send it now, with the row moved to submitting, or
the seconds after which to ask again. A turn that came to nothing is given back, and a pause that the service asked for
holds for all kernels.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from hailuo_nb.ledger.moving import held, move
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.tables import clips, memory, sends
from hailuo_nb.ledger.writing import Writing, insert_all

LONGEST_PAUSE_S = 15 * 60.0
"""The service's minute is over by then, whatever it said; and a stranger's ledger stops nobody for longer."""

# Put together once: a turn is taken at every submit, up to fifty times a second.
_SAME = (sends.c.service == bindparam("account")) & (sends.c.key_fingerprint == bindparam("key"))
# What lies in the future was written before the clock was put back.
_FORGET = delete(sends).where(
    _SAME & ((sends.c.at_utc_ms <= bindparam("before")) | (sends.c.at_utc_ms > bindparam("now")))
)
# The send after which the window is full, counted from the newest; thousands of them are not read.
_NTH_NEWEST = (
    select(sends.c.at_utc_ms)
    .where(_SAME)
    .order_by(sends.c.at_utc_ms.desc())
    .limit(1)
    .offset(bindparam("skipped"))
)
# The limit is an account's: what was sent with another key does not count.
_BUSY = select(func.count()).where(
    clips.c.service == bindparam("account"),
    clips.c.status.in_(("submitting", "submitted", "processing")),
    clips.c.key_fingerprint.is_not_distinct_from(bindparam("key")),
)
_DROP_NEWEST = delete(sends).where(
    sends.c.seq == select(func.max(sends.c.seq)).where(_SAME).scalar_subquery()
)
_REMEMBERED = select(memory.c.value).where(memory.c.key == bindparam("of"))


def start_submit(
    writing: Writing,
    clip_id: str,
    *,
    fence: int,
    per_minute: int,
    at_once: int | None,
    window_s: float,
    key_fingerprint: str,
) -> tuple[float, ClipRow | None]:
    """Move a row to submitting if the limits of all kernels let it; see `Ledger.start_submit`."""
    row = held(writing, clip_id, fence)
    now, window = writing.now_ms, round(window_s * 1000)
    account = {"account": row.service, "key": key_fingerprint}
    pause_ms = _paused_until_ms(writing, row.service, key_fingerprint) - now
    if 0 < pause_ms <= LONGEST_PAUSE_S * 1000:
        return pause_ms / 1000, None
    writing.connection.execute(_FORGET, account | {"before": now - window, "now": now})
    oldest = writing.connection.execute(_NTH_NEWEST, account | {"skipped": per_minute - 1}).scalar()
    if oldest is not None:
        return max(int(oldest) + window - now, 1) / 1000, None
    mine = account | {"key": key_fingerprint or None}
    if at_once is not None and writing.connection.execute(_BUSY, mine).scalar_one() >= at_once:
        return 1.0, None
    columns = {"key_fingerprint": key_fingerprint or None}
    moved = move(writing, row, to="submitting", from_={"planned"}, detail="", columns=columns)
    sent = {"service": row.service, "key_fingerprint": key_fingerprint, "at_utc_ms": now}
    insert_all(writing.connection, sends, [sent])
    return 0.0, moved


def give_back(writing: Writing, service: str, key_fingerprint: str) -> None:
    """Give one turn back: the connection never opened, so the service has counted nothing."""
    writing.connection.execute(_DROP_NEWEST, {"account": service, "key": key_fingerprint})


def pause(writing: Writing, service: str, key_fingerprint: str, seconds: float) -> None:
    """Let no kernel send for a while; see `Ledger.pause_submits`."""
    until = writing.now_ms + round(min(seconds, LONGEST_PAUSE_S) * 1000)
    if until <= _paused_until_ms(writing, service, key_fingerprint):
        return
    changed = {"value": str(until), "fetched_utc_ms": writing.now_ms}
    statement = upsert(memory).values(key=_pause_key(service, key_fingerprint), **changed)
    writing.connection.execute(statement.on_conflict_do_update(["key"], set_=changed))


def _paused_until_ms(writing: Writing, service: str, key_fingerprint: str) -> int:
    key = _pause_key(service, key_fingerprint)
    found = writing.connection.execute(_REMEMBERED, {"of": key}).scalar()
    return int(found) if found is not None and found.isdecimal() and len(found) < 16 else 0


def _pause_key(service: str, key_fingerprint: str) -> str:
    return f"pause:{service}:{key_fingerprint}"
