"""Votes: which of two clips a person liked better.

In come a ballot and its answers, one after the other; out come the votes that still stand, and how often each clip won,
lost or tied. Rows are only ever added: a vote is taken back by a further row that names it. Next:
`hailuo_nb.analysis.ballot`, which chooses the pairs, and `hailuo_nb.analysis.ranking`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.ledger.rows import BallotRow, VoteRow, clean, fields_from, to_json
from hailuo_nb.ledger.tables import ballots, votes
from hailuo_nb.ledger.writing import Writing, values_in

ANSWERS = ("left", "right", "tie", "both_bad")
"""What may be said of two clips. For counts and ranks ``both_bad`` is a tie: neither was the better one."""

MOST_NAME = 200
_FEW = 2000
# Every vote that no later row took back.
_STANDING = text(
    "votes.takes_back IS NULL AND NOT EXISTS (SELECT 1 FROM votes AS later WHERE later.takes_back = votes.seq)"
)
_TALLY = """
SELECT clip, sum(won), sum(lost), sum(tied) FROM (
    SELECT left_clip AS clip, answer = 'left' AS won, answer = 'right' AS lost,
        answer IN ('tie', 'both_bad') AS tied FROM votes
        WHERE takes_back IS NULL AND NOT EXISTS (SELECT 1 FROM votes AS later WHERE later.takes_back = votes.seq)
    UNION ALL
    SELECT right_clip, answer = 'right', answer = 'left', answer IN ('tie', 'both_bad') FROM votes
        WHERE takes_back IS NULL AND NOT EXISTS (SELECT 1 FROM votes AS later WHERE later.takes_back = votes.seq)
) GROUP BY clip"""


def open_ballot(writing: Writing, seed: int, compared: Mapping[str, Any]) -> BallotRow:
    """Write down a new session of voting; see `hailuo_nb.ledger.store.Ledger.open_ballot`."""
    ballot_id = f"v{secrets.token_hex(5)}"
    values = {"id": ballot_id, "created_utc_ms": writing.now_ms, "seed": seed, "compared": to_json(compared)}
    writing.connection.execute(insert(ballots), values)
    return known(writing.connection, ballot_id)


def known(connection: Connection, ballot_id: str) -> BallotRow:
    """Read a ballot."""
    found = connection.execute(select(ballots).where(ballots.c.id == ballot_id)).mappings().first()
    if found is None:
        raise LedgerError(f"The ledger has no ballot {ballot_id[:40]!r}. Start a new one.")
    return BallotRow(**fields_from(found))


def newest_first(connection: Connection, limit: int) -> list[BallotRow]:
    """Read the last ballots, the newest first."""
    statement = select(ballots).order_by(ballots.c.seq.desc()).limit(limit)
    return [BallotRow(**fields_from(stored)) for stored in connection.execute(statement).mappings()]


def vote(
    writing: Writing,
    ballot_id: str,
    *,
    number: int,
    left: str,
    right: str,
    answer: str,
    voter: str | None,
    took_ms: int | None,
) -> VoteRow:
    """Write one answer; see `hailuo_nb.ledger.store.Ledger.vote`."""
    if answer not in ANSWERS:
        raise InvalidRequest(
            f"A vote is {', '.join(ANSWERS[:-1])} or {ANSWERS[-1]}, not {str(answer)[:40]!r}."
        )
    if left == right:
        raise InvalidRequest("A vote needs two different clips.")
    known(writing.connection, ballot_id)
    missing = {left, right} - writing.clips((left, right)).keys()
    if missing:
        raise LedgerError(f"The ledger has no clip {missing.pop()}. `%hailuo jobs` lists what it has.")
    counted = select(func.count()).select_from(votes).where(votes.c.ballot_id == ballot_id, _STANDING)
    have = writing.connection.execute(counted).scalar_one()
    if number != have + 1:
        raise LedgerError(
            f"This ballot has {have} votes, not {number - 1}: it was voted on elsewhere. Show it again to go on."
        )
    values = {
        "ballot_id": ballot_id,
        "number": number,
        "left_clip": left,
        "right_clip": right,
        "answer": answer,
    }
    named = clean(voter.strip(), MOST_NAME) or None if voter else None
    return _added(
        writing, {**values, "voter": named, "took_ms": None if took_ms is None else max(0, took_ms)}
    )


def take_back(writing: Writing, ballot_id: str) -> VoteRow | None:
    """Take back the last vote of a ballot and give it; None where there is none."""
    statement = select(votes).where(votes.c.ballot_id == ballot_id, _STANDING).order_by(votes.c.seq.desc())
    stored = writing.connection.execute(statement.limit(1)).mappings().first()
    if stored is None:
        return None
    last = VoteRow(**fields_from(stored))
    values = {"ballot_id": ballot_id, "number": last.number, "left_clip": last.left_clip}
    _added(writing, {**values, "right_clip": last.right_clip, "answer": "taken_back", "takes_back": last.seq})
    return last


def of(
    connection: Connection, *, ballot_id: str | None = None, clip_ids: Collection[str] | None = None
) -> list[VoteRow]:
    """Read the votes that stand, oldest first: of a ballot, between some clips only, or all."""
    statement = select(votes).where(_STANDING).order_by(votes.c.seq)
    if ballot_id is not None:
        statement = statement.where(votes.c.ballot_id == ballot_id)
    found = [VoteRow(**fields_from(stored)) for stored in connection.execute(statement).mappings()]
    if clip_ids is None:
        return found
    wanted = set(clip_ids)
    return [each for each in found if each.left_clip in wanted and each.right_clip in wanted]


def tallies(connection: Connection, clip_ids: Collection[str]) -> dict[str, tuple[int, int, int]]:
    """Count wins, losses and ties of clips; those nobody voted on are left out."""
    if 0 < len(clip_ids) <= _FEW:
        return _tallied(connection, clip_ids)
    return {clip: (won, lost, tied) for clip, won, lost, tied in connection.exec_driver_sql(_TALLY)}


def _tallied(connection: Connection, clip_ids: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Count those of a few clips, found by the indexes."""
    counts: dict[str, list[int]] = {}
    ids = list(clip_ids)
    for side, other in (("left", "right"), ("right", "left")):
        column = votes.c[f"{side}_clip"]
        statement = select(column, votes.c.answer).where(_STANDING, column.in_(values_in(ids)))
        for clip, answer in connection.execute(statement):
            at = {side: 0, other: 1}.get(answer, 2)
            counts.setdefault(clip, [0, 0, 0])[at] += 1
    return {clip: (won, lost, tied) for clip, (won, lost, tied) in counts.items()}


def _added(writing: Writing, values: Mapping[str, Any]) -> VoteRow:
    """Add a row and read it back, as a later reader will see it."""
    result = writing.connection.execute(insert(votes), {"voted_utc_ms": writing.now_ms, **values})
    key = result.inserted_primary_key
    assert key is not None
    stored = writing.connection.execute(select(votes).where(votes.c.seq == key[0])).mappings().one()
    return VoteRow(**fields_from(stored))
