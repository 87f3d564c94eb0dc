"""What the simulated service remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hailuo_nb.simulator.store import Prediction, Store


def submit(store: Store, same: str = "s", **changes: Any) -> Prediction | None:
    """Submit something."""
    facts: dict[str, Any] = {
        "model": "m",
        "inputs": {"prompt": "p"},
        "price": 280_000,
        "run_s": 1.0,
        "fate": {},
        "now": 5.0,
    }
    return store.submit(same=same, **{**facts, **changes})


def test_submitting_charges_counts_and_stays(tmp_path: Path) -> None:
    """One transaction holds the charge, the take and the row; another opening sees them."""
    store = Store(tmp_path / "s.db", balance=600_000)
    first, other, second = submit(store), submit(store, "t"), submit(store)
    assert first is not None
    assert other is not None
    assert (first.take, other.take, second) == (1, 1, None)
    assert store.balance() == 40_000
    again = Store(tmp_path / "s.db", balance=1)
    assert again.balance() == 40_000
    assert [one.id for one in again.unfinished()] == [first.id, other.id]
    assert again.take_of_next("s") == 2
    store.close()
    again.close()


def test_a_refund_happens_once(tmp_path: Path) -> None:
    """Failing twice gives the money back once, and a completed clip is never refunded."""
    store = Store(tmp_path / "s.db", balance=1_000_000)
    first, second = submit(store), submit(store)
    assert first is not None
    assert second is not None
    for _ in range(2):
        store.fail(first.id, "failed", 1405, "x", 6.0)
    store.complete(second.id, "c.mp4", 6.0)
    store.fail(second.id, "failed", 1405, "x", 7.0)
    assert store.balance() == 720_000
    total, lines = store.billings(None, kind=None, until=10, offset=0, limit=10)
    assert (total, sorted(line.kind for line in lines)) == (3, ["deduct", "deduct", "refund"])
    store.close()


def test_faults_count_over_a_restart(tmp_path: Path) -> None:
    """The n-th match stays the n-th."""
    store = Store(tmp_path / "s.db", balance=0)
    assert [store.count_hit("r"), store.count_hit("r")] == [1, 2]
    store.close()
    again = Store(tmp_path / "s.db", balance=0)
    assert again.count_hit("r") == 3
    again.close()
