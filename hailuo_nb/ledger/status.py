"""The statuses of a clip and the moves between them, as data.

In comes the status a row has and the one it is to get; out goes whether that is allowed and what it means for
the budget. `hailuo_nb.ledger.moving` and `hailuo_nb.ledger.reserving` ask here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STATUSES = (
    "planned",
    "submitting",
    "unconfirmed",
    "submitted",
    "processing",
    "downloading",
    "completed",
    "failed",
    "cancelled",
    "abandoned",
)

OUT = ("submitting", "unconfirmed", "submitted", "processing", "downloading")
"""A submit left, or is about to, and the clip is not here yet."""

FINAL = ("completed", "failed", "cancelled", "abandoned")
"""Nobody works on these; a row that gets one loses its owner."""

ALLOWED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "planned": frozenset({"submitting", "cancelled", "failed"}),
        # Back to planned only when the submit was surely not accepted: never connected, or 429.
        "submitting": frozenset({"planned", "submitted", "unconfirmed", "failed"}),
        # Adopted, or given up. Never planned: an unconfirmed clip is not sent again by itself.
        "unconfirmed": frozenset({"submitted", "abandoned"}),
        "submitted": frozenset({"processing", "downloading", "failed"}),
        "processing": frozenset({"downloading", "failed"}),
        "downloading": frozenset({"completed", "failed"}),
        # The file has gone from the disk and the service may still have it.
        "completed": frozenset({"downloading"}),
        # Only a failure that was surely not accepted; `is_allowed` looks at that.
        "failed": frozenset({"planned"}),
        "cancelled": frozenset({"planned"}),
        # The prediction turned up after all.
        "abandoned": frozenset({"submitted"}),
    }
)


def is_allowed(old: str, new: str, *, was_accepted: bool | None) -> bool:
    """Whether a row may go from one status to another; staying is always allowed."""
    if old == new:
        return True
    if old == "failed" and was_accepted is not False:
        return False
    return new in ALLOWED.get(old, frozenset())


def counted_micros(status: str, was_accepted: bool | None, cost: int | None, quote: int | None) -> int:
    """Say what one row takes from the budget, in micro-dollars; never below zero, whoever wrote the row.

    A known cost counts whatever the status is. Without one the quote counts for what is out, unconfirmed or
    completed, and for a failure that may have been billed. Planned rows count while a live kernel holds them,
    which the row alone cannot tell: `hailuo_nb.ledger.reserving` adds those.
    """
    if cost is not None:
        return max(cost, 0)
    is_counted = status in OUT or status == "completed" or (status == "failed" and was_accepted is not False)
    return max(quote or 0, 0) if is_counted else 0


COUNTED_SQL = """CASE
    WHEN cost_micros IS NOT NULL THEN max(cost_micros, 0)
    WHEN status IN ('submitting', 'unconfirmed', 'submitted', 'processing', 'downloading', 'completed')
        OR (status = 'failed' AND was_accepted IS NOT 0) THEN max(coalesce(quote_micros, 0), 0)
    ELSE 0 END"""
"""`counted_micros` in SQL, for the audit when a ledger is opened; a test holds the two equal."""
