"""How long a batch still takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.jobs.pace import expect
from hailuo_nb.session.remaining import Outlook, queue_s
from hailuo_nb.settings import TIERS, Tier

BRONZE, SILVER = TIERS["bronze"], TIERS["silver"]


def test_a_hundred_clips_on_bronze_take_fifty_minutes() -> None:
    """Two a minute, however quick each is; on silver they all go at once."""
    assert 49 * 60 <= queue_s([30.0] * 100, [], [], BRONZE) <= 50 * 60
    assert queue_s([30.0] * 100, [], [], SILVER) == 30.0


def test_what_was_sent_just_now_counts_in_the_minute() -> None:
    """Two went ten seconds ago: the next waits fifty, and takes its own time."""
    assert queue_s([30.0], [5.0, 5.0], [10.0, 10.0], BRONZE) == 80.0
    assert queue_s([30.0], [], [70.0, 80.0], BRONZE) == 30.0


def test_places_at_once_are_waited_for() -> None:
    """With two places and slow clips the third starts when the first is done."""
    assert queue_s([100.0] * 3, [], [], Tier(500, 2)) == 200.0


def test_the_limit_is_said_in_the_services_minutes() -> None:
    """The simulator's minute is shorter, and more go in one of ours."""
    known = {"t2v-pro": expect([], (40.0, 70.0))}
    assert Outlook(known, BRONZE, "bronze").pace == "at 2 a minute (bronze)"  # type: ignore[arg-type]
    assert Outlook(known, Tier(7, 2), "", 6.0).pace == "at 70 a minute"  # type: ignore[arg-type]


@given(
    st.lists(st.floats(0.1, 500), max_size=30),
    st.lists(st.floats(0, 500), max_size=5),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_more_clips_never_take_less(
    waiting: list[float], out: list[float], per_minute: int, at_once: int
) -> None:
    """And never less than the longest of them."""
    tier = Tier(per_minute, at_once)
    left = queue_s(waiting, out, [], tier)
    assert left >= max([*waiting, *out], default=0.0)
    assert queue_s([*waiting, 10.0], out, [], tier) >= left
