"""What was measured of each clip's file, once.

In come the figures of `hailuo_nb.media.measures` with the version of their definitions; out come columns for the
history, and the clips that have none yet.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.tables import clips, measures
from hailuo_nb.ledger.writing import Writing, bare_columns, clip_row, values_in

NAMES = tuple(column.name for column in measures.c)[3:]
"""What is measured, in the order of the columns."""

_FEW = 5000


def keep(writing: Writing, clip_id: str, values: Mapping[str, float | None], version: int) -> None:
    """Write a clip's figures; see `hailuo_nb.ledger.store.Ledger.set_measures`."""
    unknown = sorted(values.keys() - set(NAMES))
    if unknown:
        raise LedgerError(f"There is no measure {unknown[0]!r}. Look at hailuo_nb.ledger.measuring.NAMES.")
    stored = {name: _finite(values.get(name)) for name in NAMES}
    stored |= {"version": version, "measured_utc_ms": writing.now_ms}
    statement = upsert(measures).values(clip_id=clip_id, **stored)
    writing.connection.execute(statement.on_conflict_do_update(["clip_id"], set_=stored))


def missing(connection: Connection, version: int, clip_ids: Collection[str] | None) -> list[ClipRow]:
    """Read completed rows without figures by these definitions, oldest first."""
    have = select(measures.c.clip_id).where(measures.c.clip_id == clips.c.id, measures.c.version == version)
    statement = select(clips).where(clips.c.status == "completed", clips.c.path.is_not(None))
    statement = statement.where(~have.exists()).order_by(clips.c.seq)
    if clip_ids is not None:
        statement = statement.where(clips.c.id.in_(values_in(clip_ids)))
    return [clip_row(stored) for stored in connection.execute(statement).mappings()]


def columns(connection: Connection, ids: Sequence[str]) -> dict[str, Sequence[float | None]]:
    """Give a column of each measure for these clips, ``m.<name>``, None where nothing was measured."""
    statement = select(measures.c.clip_id, *(measures.c[name] for name in NAMES))
    if len(ids) <= _FEW:
        statement = statement.where(measures.c.clip_id.in_(values_in(ids)))
    found = bare_columns(connection.execute(statement))
    at = {clip_id: number for number, clip_id in enumerate(found.pop("clip_id"))}
    if not at:
        nothing = (None,) * len(ids)
        return {f"m.{name}": nothing for name in NAMES}
    # One place past the end is what a clip has that was not measured.
    places = [at.get(clip_id, len(at)) for clip_id in ids]
    return {
        f"m.{name}": [column[place] for place in places]
        for name, column in ((name, [*values, None]) for name, values in found.items())
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
