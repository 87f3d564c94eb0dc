"""A session of voting: which two clips to set against each other next.

In come clips and answers; out go pairs, one at a time, chosen where a vote tells most and so that every clip appears.
All of it follows from the seed and the votes in the ledger, so a ballot goes on at the same place after a kill. It
knows of no page: what it hands out for a clip is a token without meaning, and only `Ballot.clip` tells whose it is.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.entries import Entry, chosen_by, entries
from hailuo_nb.analysis.strength import Bouts, gains
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import BallotRow, ClipRow, VoteRow

if TYPE_CHECKING:
    from hailuo_nb.ledger.store import Ledger

__all__ = ["Ballot", "Pair"]

VOTES_EACH = 5
"""How often each clip is seen, unless asked otherwise."""

MOST_PAIRS = 20_000
# Gains this close are one: which of the pairs comes is then the seed's to say.
_SAME = 1e-9


@dataclass(frozen=True)
class Pair:
    """Two clips to choose between; the tokens say nothing about them and are never used again."""

    number: int
    left: str
    right: str


class Ballot:
    """One session of voting on some clips.

    Parameters
    ----------
    ledger : Ledger
        Where answers go, each at once.
    row : BallotRow
        As `open` or the ledger gives it.
    rows : sequence of ClipRow
        The clips that it compares.
    votes : int, optional
        How many to ask for in all; five for each clip when not given, so `left` reaches 0 and `next_pair` gives None. A
        larger number later goes on.

    Attributes
    ----------
    id : str
        Its id in the ledger.
    by : str
        What competes: ``clip``, ``variant`` or an axis.

    Examples
    --------
    >>> ballot = hn.ballot(batch, by="variant")  # doctest: +SKIP
    >>> pair = ballot.next_pair()  # doctest: +SKIP
    >>> ballot.answer(pair.left, "left", took_ms=2300)  # doctest: +SKIP
    """

    def __init__(
        self, ledger: Ledger, row: BallotRow, rows: Sequence[ClipRow], *, votes: int | None = None
    ) -> None:
        self.id = row.id
        self.by = str(row.compared.get("by", "clip"))
        self._ledger = ledger
        self._seed = row.seed
        named = entries(sorted(rows, key=lambda each: each.seq), self.by)
        self._pairs = _meetings(named, across=bool(row.compared.get("across")))
        self._entry = {entry.clip_id: entry.name for entry in named}
        # In the order of making: sorted by name, clips would stand by their ids, which are others in every run.
        self._names = list(dict.fromkeys(self._entry.values()))
        meeting = {clip for pair in self._pairs for clip in pair}
        self._wanted = -(-len(meeting) * VOTES_EACH // 2) if votes is None else votes
        self._given = ledger.votes(ballot_id=self.id)
        self._pair: Pair | None = None
        self._clips: dict[str, str] = {}

    @classmethod
    def open(
        cls,
        ledger: Ledger,
        rows: Sequence[ClipRow],
        *,
        by: str = "clip",
        across: bool = False,
        seed: int | None = None,
        votes: int | None = None,
    ) -> Ballot:
        """Go on with the ballot on these very clips, or begin one.

        Parameters
        ----------
        ledger : Ledger
            Where the ballot is kept.
        rows : sequence of ClipRow
            Finished clips.
        by : str
            What competes: ``clip``, ``variant``, or an axis.
        across : bool
            Let clips of different prompts meet too.
        seed : int, optional
            What sides and order come from; of a ballot that was begun, its own. Another seed begins another ballot.
        votes : int, optional
            How many to ask for in all.

        Raises
        ------
        InvalidRequest
            No two of these clips may meet.
        """
        by = chosen_by(rows, by)
        named = entries(rows, by)
        if not _meetings(named, across=across):
            raise InvalidRequest(_nothing_to_compare(named, by, across=across))
        compared: dict[str, Any] = {"by": by, "across": across, "clips": sorted(e.clip_id for e in named)}
        for row in ledger.ballots():
            if dict(row.compared) == compared and seed in (None, row.seed):
                return cls(ledger, row, rows, votes=votes)
        made = ledger.open_ballot(secrets.randbelow(2**31) if seed is None else seed, compared)
        return cls(ledger, made, rows, votes=votes)

    @property
    def given(self) -> int:
        """How many votes it has."""
        return len(self._given)

    @property
    def seed(self) -> int:
        """What sides and order come from."""
        return self._seed

    def left(self) -> int:
        """Tell how many votes are still asked for."""
        return max(0, self._wanted - len(self._given))

    def next_pair(self) -> Pair | None:
        """Give the two clips to show now; the same ones until they are answered, None when there are no more."""
        if self._pair is None and self.left():
            left, right = self._chosen()
            tokens = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
            self._clips = dict(zip(tokens, (left, right), strict=True))
            self._pair = Pair(len(self._given) + 1, *tokens)
        return self._pair

    def clip(self, token: str) -> str:
        """Give the id of the clip behind a token of the present pair; for Python only, never for a page."""
        if token not in self._clips:
            raise InvalidRequest("That pair is not on show any more; look at the present one.")
        return self._clips[token]

    def answer(
        self, token: str, answer: str, *, took_ms: int | None = None, voter: str | None = None
    ) -> None:
        """Write down what was said of the present pair; on disk when this returns.

        Parameters
        ----------
        token : str
            Either token of the pair that was answered, so that a late click never counts for the next one.
        answer : str
            ``left``, ``right``, ``tie`` or ``both_bad``.
        took_ms : int, optional
            How long it took.
        voter : str, optional
            Who says so.

        Raises
        ------
        InvalidRequest
            That pair is not on show any more, or it is no answer.
        LedgerError
            Another window gave this vote; show the ballot again.
        """
        self.clip(token)
        pair = self._pair
        assert pair is not None
        made = self._ledger.vote(
            self.id,
            number=pair.number,
            left=self._clips[pair.left],
            right=self._clips[pair.right],
            answer=answer,
            voter=voter,
            took_ms=took_ms,
        )
        self._given.append(made)
        self._put_away()

    def undo(self) -> bool:
        """Take back the last vote, also one of an earlier kernel; `next_pair` then gives its pair again."""
        taken = self._ledger.take_back_vote(self.id)
        if taken is None:
            return False
        self._given = self._ledger.votes(ballot_id=self.id)
        self._put_away()
        return True

    def _put_away(self) -> None:
        self._pair, self._clips = None, {}

    def _chosen(self) -> tuple[str, str]:
        """Choose the pair that tells most, among those with a clip that was seen least."""
        chance = random.Random(f"{self._seed}:{len(self._given)}")  # noqa: S311 - order and sides, not secrets
        seen, met = _seen(self._given)
        least = min(seen.get(clip, 0) for pair in self._pairs for clip in pair)
        open_pairs = [pair for pair in self._pairs if least in (seen.get(pair[0], 0), seen.get(pair[1], 0))]
        told = self._told(open_pairs)
        # Of two entries each has many clips: those that did not meet yet come first.
        worth = [
            gain / (1 + met.get(frozenset(pair), 0)) for pair, gain in zip(open_pairs, told, strict=True)
        ]
        best = max(worth)
        nearly = [pair for pair, value in zip(open_pairs, worth, strict=True) if value >= best * (1 - _SAME)]
        one, other = chance.choice(nearly)
        return (one, other) if chance.random() < 0.5 else (other, one)

    def _told(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Tell how much a vote on each pair would narrow what is known of the entries."""
        import numpy as np

        at = {name: place for place, name in enumerate(self._names)}
        place = {clip: at[name] for clip, name in self._entry.items()}
        outcomes = [
            (place[vote.left_clip], place[vote.right_clip], {"left": 0, "right": 1}.get(vote.answer, 2))
            for vote in self._given
            if vote.left_clip in place and vote.right_clip in place
        ]
        first = np.array([place[one] for one, _ in pairs], dtype=np.int64)
        second = np.array([place[other] for _, other in pairs], dtype=np.int64)
        found: list[float] = gains(Bouts.of(len(at), outcomes), first, second).tolist()
        return found


def _meetings(named: Sequence[Entry], *, across: bool) -> list[tuple[str, str]]:
    """List the clips that may meet: of one pool and of different entries."""
    pools: dict[str, list[Entry]] = {}
    for entry in named:
        pools.setdefault("" if across else entry.pool, []).append(entry)
    found: list[tuple[str, str]] = []
    for pool in pools.values():
        for place, one in enumerate(pool):
            found += [(one.clip_id, other.clip_id) for other in pool[place + 1 :] if other.name != one.name]
            if len(found) > MOST_PAIRS:
                raise InvalidRequest(
                    f"These clips make more than {MOST_PAIRS:,} pairs, more than anybody votes on; take fewer of them."
                )
    return found


def _seen(given: Sequence[VoteRow]) -> tuple[Mapping[str, int], Mapping[frozenset[str], int]]:
    """Count how often each clip was seen, and how often each two met."""
    seen: dict[str, int] = {}
    met: dict[frozenset[str], int] = {}
    for vote in given:
        for clip in (vote.left_clip, vote.right_clip):
            seen[clip] = seen.get(clip, 0) + 1
        both = frozenset((vote.left_clip, vote.right_clip))
        met[both] = met.get(both, 0) + 1
    return seen, met


def _nothing_to_compare(named: Sequence[Entry], by: str, *, across: bool) -> str:
    """Say why no two clips may meet, and what helps."""
    if len({entry.clip_id for entry in named}) < 2:
        return "A vote needs two finished clips; wait for more of them, or make another take."
    if len({entry.name for entry in named}) < 2:
        return f"All of these clips have the same {by}, so there is nothing to compare; choose another --by."
    if across:
        return "No two of these clips can be compared; choose another --by."
    return (
        f"No two of these clips differ in their {by} alone, with the same prompt and everything else alike; "
        "across=True compares them all the same."
    )
