"""Clips that somebody else made and paid for, taken into this ledger.

In come clips and votes out of a pack, read and checked, inside one write transaction; out goes which of them are rows
now, which were here before, and which stay out because this ledger has a version of its own. No row and no vote that is
here is changed. What is taken in is marked, and counts in no sum: `hailuo_nb.ledger.writing` leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from hailuo_nb.ledger import reserving, voting
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip, clean, to_json, to_ms
from hailuo_nb.ledger.tables import ballots, batch_clips, clips, votes
from hailuo_nb.ledger.writing import Writing

Identity = tuple[str, str, int]
_MARKS: Mapping[str, Any] = {"status": "completed", "owner": None, "fence": 0, "was_accepted": True}


@dataclass(frozen=True)
class ForeignClip:
    """One finished clip of a pack.

    Attributes
    ----------
    key : str
        How the pack's votes name it.
    new : NewClip
        What it was asked as.
    attempt : int
        Which attempt it was.
    columns : Mapping
        Further fields of `ClipRow`: what it cost, when it was made, what its file is.
    """

    key: str
    new: NewClip
    attempt: int
    columns: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """What its file is."""
        return str(self.columns["sha256"])


@dataclass(frozen=True)
class ForeignVote:
    """One vote that stands, between two clips of the pack."""

    left: str
    right: str
    answer: str
    voted_utc: datetime
    voter: str | None = None
    took_ms: int | None = None


@dataclass(frozen=True)
class ForeignBallot:
    """One session of voting."""

    id: str
    seed: int
    by: str
    across: bool
    clips: tuple[str, ...]
    created_utc: datetime
    votes: tuple[ForeignVote, ...]


@dataclass
class TakenIn:
    """What became of a pack.

    Attributes
    ----------
    rows : dict of str to ClipRow
        The row of each clip that is here now, by the pack's key.
    new, here, other : list of str
        The keys of those that were taken in, that were here before, and that stay out: there is another clip of the
        same request and take, which is the user's own.
    votes : int
        How many votes were taken in.
    """

    rows: dict[str, ClipRow] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    votes: int = 0


Place = Callable[[str, ClipRow, Callable[[str], bool]], str]
"""Given a clip's key, its row, and what tells which paths are taken: puts the file in place and gives its path."""


def take_in(
    writing: Writing,
    batch: NewBatch,
    foreign: Sequence[ForeignClip],
    foreign_ballots: Sequence[ForeignBallot],
    place: Place,
) -> TakenIn:
    """Write down clips and votes of a pack; see `hailuo_nb.ledger.store.Ledger.import_clips`."""
    found = reserving.attempts(writing.connection, [clip.new.identity for clip in foreign])
    outcome = TakenIn()
    fresh: list[ForeignClip] = []
    for clip in foreign:
        known = found[clip.new.identity]
        same = next((row for row in known if row.sha256 == clip.sha256 and row.status == "completed"), None)
        if same is not None:
            outcome.rows[clip.key] = same
            outcome.here.append(clip.key)
        elif any(row.status == "completed" for row in known):
            outcome.other.append(clip.key)
        else:
            fresh.append(clip)
    if fresh:
        batch_id = reserving.insert_batch(writing, batch)
        rows = _rows(writing, batch_id, fresh, found, place)
        writing.insert(rows, "imported")
        writing.connection.execute(insert(batch_clips), _places(batch_id, rows))
        outcome.rows |= {clip.key: row for clip, row in zip(fresh, rows, strict=True)}
        outcome.new += [clip.key for clip in fresh]
    outcome.votes = sum(_take_ballot(writing, ballot, outcome.rows) for ballot in foreign_ballots)
    return outcome


def _rows(
    writing: Writing,
    batch_id: str,
    fresh: Sequence[ForeignClip],
    found: Mapping[Identity, list[ClipRow]],
    place: Place,
) -> list[ClipRow]:
    """Make the rows, each with its file in place."""
    taken: dict[Identity, set[int]] = {
        identity: {row.attempt for row in rows} for identity, rows in found.items()
    }
    paths: set[str] = set()

    def is_claimed(path: str) -> bool:
        known = select(clips.c.seq).where(clips.c.path == path)
        return path in paths or writing.connection.execute(known).first() is not None

    attempts = []
    for clip in fresh:
        tried = taken[clip.new.identity]
        # An attempt of one's own that came to nothing stays as it is, and this one follows it.
        attempts.append(clip.attempt if clip.attempt not in tried else max(tried) + 1)
        tried.add(attempts[-1])
    keys = [(*clip.new.identity, attempt) for clip, attempt in zip(fresh, attempts, strict=True)]
    ids, first = reserving.free_ids(writing.connection, keys), writing.next_seq()
    rows = []
    for at, (clip, attempt) in enumerate(zip(fresh, attempts, strict=True)):
        asked = reserving.blank(writing, batch_id, clip.new, attempt, first + at, ids[at])
        row = replace(asked, **{**_MARKS, **clip.columns}, imported_utc=writing.now())
        path = place(clip.key, row, is_claimed)
        paths.add(path)
        rows.append(replace(row, path=path))
    return rows


def _places(batch_id: str, rows: Sequence[ClipRow]) -> list[dict[str, Any]]:
    """Show the clips in the batch of the import, for nothing."""
    return [
        {
            "batch_id": batch_id,
            "position": position,
            "clip_id": row.id,
            "shown": "cached",
            "axes": to_json(row.axes),
            "prompt_template": row.prompt_template,
            "saved_micros": None,
        }
        for position, row in enumerate(rows)
    ]


def _take_ballot(writing: Writing, ballot: ForeignBallot, rows: Mapping[str, ClipRow]) -> int:
    """Take in the votes between clips that are here, unless this ballot is here already; say how many."""
    known = select(ballots.c.seq).where(ballots.c.id == ballot.id)
    standing = [each for each in ballot.votes if each.left in rows and each.right in rows]
    if not standing or writing.connection.execute(known).first() is not None:
        return 0
    compared = {
        "by": clean(ballot.by),
        "across": ballot.across,
        "clips": sorted(rows[key].id for key in ballot.clips if key in rows),
    }
    values = {"id": ballot.id, "created_utc_ms": to_ms(ballot.created_utc), "seed": ballot.seed}
    writing.connection.execute(insert(ballots), {**values, "compared": to_json(compared)})
    stored = [
        {
            "ballot_id": ballot.id,
            "number": number,
            "left_clip": rows[each.left].id,
            "right_clip": rows[each.right].id,
            "answer": each.answer,
            "voted_utc_ms": to_ms(each.voted_utc),
            "voter": None if each.voter is None else clean(each.voter, voting.MOST_NAME),
            "took_ms": each.took_ms,
        }
        for number, each in enumerate(standing, start=1)
    ]
    writing.connection.execute(insert(votes), stored)
    return len(stored)
