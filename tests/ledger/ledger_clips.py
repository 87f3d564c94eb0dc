"""A clock that tests move by hand, and clips to put into a ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hailuo_nb.ledger.rows import NewBatch, NewClip, Reserved
from hailuo_nb.ledger.store import Ledger


@dataclass
class Clock:
    """Seconds since 1970, moved by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def make_clip(text: str = "a fox", **changes: Any) -> NewClip:
    """Make a clip of the simulator at $0.49."""
    fields: dict[str, Any] = {
        "service": "simulator",
        "request_hash": hashlib.sha256(text.encode()).hexdigest(),
        "variant": "t2v-pro",
        "model_id": "minimax/hailuo-2.3/t2v-pro",
        "prompt": text,
        "inputs": {"prompt": text},
        "quote_usd": Decimal("0.49"),
        "quote_source": "table",
    }
    return NewClip(**fields | changes)


def planned(ledger: Ledger, clip: NewClip) -> tuple[str, int]:
    """Reserve a clip; give its id and fence."""
    reserved: Reserved = ledger.reserve(NewBatch(), [clip])[0]
    assert reserved.fence is not None
    return reserved.row.id, reserved.fence
