"""Polls placed by the past, in simulated time: never worse than intervals, on any spread, at equal requests."""

from __future__ import annotations

import statistics

import pytest

from tests.benchmarks import polling


def test_no_interval_does_better_on_any_spread() -> None:
    """At equal polls our lateness is at most 1.1 of the best fixed or growing interval's, and half of it mostly."""
    ratios = polling.ratios()
    assert {name: ratio for name, ratio in ratios.items() if ratio > 1.1} == {}
    assert statistics.median(ratios.values()) < 0.9


@pytest.mark.parametrize(
    ("name", "most"), [("seconds", 0.6), ("two humps", 0.7), ("drift", 0.4), ("steady", 0.3)]
)
def test_where_the_past_says_much_it_gains_much(name: str, most: float) -> None:
    """Runs that repeat themselves, in one place, in two, or wandering, are noticed far sooner for the same polls."""
    assert polling.ratios()[name] <= most


def test_the_first_runs_of_all_are_polled_by_the_designs_rule() -> None:
    """Without a past a clip takes as many polls as its typical time asks for, and is never more than 5 s late."""
    polls, late_s = polling.ours([70.0] * (polling.LEARNING + 1))
    assert polls < 12
    assert late_s < 5.0
