"""How long things take."""

from __future__ import annotations

import statistics

from hailuo_nb.simulator.pace import TIERS, generation_s, window_start


def test_times_lie_around_what_is_typical_with_a_tail() -> None:
    """Most within the usual range, a few far beyond, none absurd, and the same seed the same time."""
    times = [generation_s((30, 90), "768p", {}, f"seed {n}") for n in range(2000)]
    assert times == [generation_s((30, 90), "768p", {}, f"seed {n}") for n in range(2000)]
    assert 45 < statistics.median(times) < 60
    assert 0.7 < sum(30 <= one <= 90 for one in times) / 2000 < 0.9
    assert 108 < max(times) < 270
    assert min(times) >= 24


def test_longer_clips_and_unhurried_ones_take_longer() -> None:
    """Ten seconds and go_fast off."""
    usual = generation_s(None, "768p", {"duration": 6}, "s")
    assert generation_s(None, "768p", {"duration": 10}, "s") > usual
    assert generation_s(None, "768p", {"duration": 6, "go_fast": False}, "s") > usual


def test_the_minute_is_scaled_and_the_tiers_grow() -> None:
    """Windows begin at multiples of a minute over the speed."""
    assert window_start(125.0, 1) == 120
    assert window_start(125.0, 10) == 120
    assert window_start(127.0, 10) == 126
    limits = [
        (TIERS[name].videos_per_minute, TIERS[name].at_once) for name in ("bronze", "silver", "gold", "ultra")
    ]
    assert limits == [(2, 2), (500, 300), (3000, 3000), (5000, 10000)]
