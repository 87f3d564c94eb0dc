"""The version of a cell before its text was changed.

In comes a batch; out goes what the same cell made before, as the ledger has it. No file is looked for and nothing is
sent or billed: clips that are here are shown, others say where they should be. Next: `Batch.previous`, and the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hailuo_nb.ledger.rows import BatchRow
from hailuo_nb.session.batch import Batch, Place

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

# A ledger may be a stranger's, and lead in a circle.
MOST_STEPS = 50
CAME_TO_NOTHING = frozenset({"planned", "cancelled"})


@dataclass(frozen=True)
class Version:
    """What a cell was before.

    Attributes
    ----------
    batch : Batch
        Its clips.
    when : datetime
        When it was last run.
    was, now : str
        The cell's text then, and the text of the batch that was asked about.
    """

    batch: Batch
    when: datetime
    was: str
    now: str


def previous_version(session: Session, batch: Batch) -> Version | None:
    """Give the last version of the batch's cell that had another text and made a clip; None where there is none.

    Versions of which nothing was ever sent are passed over: there is nothing to compare with.
    """
    if not session.has_ledger():
        return None
    row = session.ledger.batch(batch.id)
    if row is None or row.cell_text is None:
        return None
    now, seen = row.cell_text, {row.id}
    for _ in range(MOST_STEPS):
        row = session.ledger.batch(row.previous) if row.previous and row.previous not in seen else None
        if row is None:
            return None
        seen.add(row.id)
        if row.cell_text is not None and row.cell_text.strip() != now.strip():
            found = _batch_of(session, row)
            if found is not None:
                return Version(found, row.created_utc, row.cell_text, now)
    return None


def _batch_of(session: Session, row: BatchRow) -> Batch | None:
    """Put a batch of the ledger together again; None where nothing of it was sent."""
    places = session.ledger.places(row.id)
    rows = {each.id: each for each in session.ledger.rows(batch=row.id)}
    if all(each.status in CAME_TO_NOTHING for each in rows.values()):
        return None
    jobs = {each.id: session.runner(each.service).take(each) for each in rows.values()}
    shown = tuple(
        Place(jobs[place.clip_id], dict(place.axes), is_new=False)
        for place in places
        if place.clip_id in jobs
    )
    if not shown:
        return None
    return Batch(row.id, shown, session, name=row.name or "", service=shown[0].job.service)
