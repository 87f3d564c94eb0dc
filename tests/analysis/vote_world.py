"""Clips in a ledger to vote on, and voters whose taste is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from hailuo_nb.analysis.strength import Bouts
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

STEPS = ("submitting", "submitted", "processing", "downloading", "completed")


def finished(ledger: Ledger, prompt: str, variant: str = "t2v-pro", take: int = 1, **changes: Any) -> ClipRow:
    """Put a finished clip into the ledger."""
    about = {"axes": {}, "quote_usd": Decimal("0.49"), "service": "wavespeed", "duration_s": 6} | changes
    text = f"{prompt}|{variant}|{about['axes']}"
    new = NewClip(
        request_hash=hashlib.sha256(text.encode()).hexdigest(),
        variant=variant,
        model_id=f"minimax/{variant}",
        prompt=prompt,
        take=take,
        inputs={"prompt": prompt},
        **about,
    )
    got = ledger.reserve(NewBatch(), [new])[0]
    assert got.fence is not None
    row = got.row
    for status in STEPS:
        columns = {"path": f"hailuo/clips/{row.id}.mp4"} if status == "completed" else {}
        row = ledger.move(row.id, fence=got.fence, to=status, **columns)
    return row


def outcome(chance: np.random.Generator, one: float, other: float, tie: float) -> int:
    """Let a voter with Davidson's taste choose: 0 for the one, 1 for the other, 2 for a tie."""
    weights = np.array([np.exp(one), np.exp(other), tie * np.exp((one + other) / 2)])
    return int(chance.choice(3, p=weights / weights.sum()))


def bouts(seed: int, truth: Sequence[float], each: int, tie: float = 0.5) -> Bouts:
    """Let every two meet so many times."""
    chance = np.random.default_rng(seed)
    count = len(truth)
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count) for _ in range(each)]
    return Bouts.of(count, [(i, j, outcome(chance, truth[i], truth[j], tie)) for i, j in pairs])


def vote(ledger: Ledger, votes: Sequence[tuple[ClipRow, ClipRow, str]]) -> None:
    """Write votes down, in a ballot of their own."""
    ballot = ledger.open_ballot(0, {})
    for number, (left, right, answer) in enumerate(votes, start=1):
        ledger.vote(ballot.id, number=number, left=left.id, right=right.id, answer=answer)


def answer_of(chance: np.random.Generator, taste: Mapping[str, float], left: ClipRow, right: ClipRow) -> str:
    """Let a voter with a taste for variants answer."""
    return ("left", "right", "tie")[outcome(chance, taste[left.variant], taste[right.variant], 0.4)]
