"""When to poll: sparse where nothing can be ready, close where it can, never late by much, never given up."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.jobs.pace import LAST, SHARED, Expectation, back_off_s, expect, gap_s, schedule

durations = st.floats(0.0, 100_000.0)
pasts = st.lists(durations, max_size=60)
typicals = st.one_of(st.none(), st.tuples(durations, durations).map(lambda pair: (min(pair), max(pair))))
speeds = st.floats(0.1, 100_000.0)
shares = st.sampled_from([1.0, SHARED, LAST])


@given(pasts, typicals, speeds, durations, st.integers(0, 10_000), shares)
def test_a_pause_is_always_one_that_ends(
    past: list[float],
    typical: tuple[float, float] | None,
    speed: float,
    elapsed: float,
    polls: int,
    share: float,
) -> None:
    """Whatever the ledger says, the next poll comes, and not at once again.

    It comes by the expected moment; from there on within 5 s, or a tenth of the age of what is known to take long.
    """
    expectation = expect(past, typical, speed, share=share)
    gap = gap_s(elapsed, polls, expectation)
    assert gap >= 0
    assert polls == 0 or gap >= 0.05
    early = expectation.early_s if expectation else 0.0
    longest = max(5.0, elapsed / 10) if expectation and expectation.is_known else 5.0
    longest += elapsed * 1e-9  # a tenth is no binary fraction
    if elapsed >= early:
        assert gap <= longest
    elif expectation and expectation.is_known:
        assert elapsed + gap <= expectation.late_s + longest
    else:
        assert gap <= max(longest, early - elapsed + 0.05)


@given(pasts, typicals, speeds, st.floats(0.0, 2000.0))
def test_a_clip_is_seen_soon_after_it_is_ready(
    past: list[float], typical: tuple[float, float] | None, speed: float, ready: float
) -> None:
    """From the expected moment on, a poll follows readiness within 5 s or a tenth of its age."""
    expectation = expect(past, typical, speed)
    early = expectation.early_s if expectation else 0.0
    if early > 5000 or ready < early:
        return
    seen = next(at for at in schedule(expectation, ready * 1.2 + early + 20) if at >= ready)
    assert seen - ready <= max(5.0, ready / 9)


@given(st.lists(st.floats(0.5, 500.0), min_size=3, max_size=50), shares)
def test_who_is_older_is_looked_at_later(past: list[float], share: float) -> None:
    """The next look of the plan never moves back while a prediction ages, and always lies ahead."""
    expectation = expect(past, None, share=share)
    assert expectation is not None
    ages = [max(past) * 3 * number / 200 for number in range(1, 200)]
    looks = [age + gap_s(age, 1, expectation) for age in ages]
    assert all(look > age for look, age in zip(looks, ages, strict=True))
    assert all(after >= before - 0.06 for before, after in itertools.pairwise(looks))


@given(st.lists(st.floats(20.0, 200.0), min_size=3, max_size=50))
def test_a_past_makes_polls_few(past: list[float]) -> None:
    """With a past of its own a variant is hardly polled before nearly the earliest time it ever took."""
    expectation = expect(past, (30.0, 90.0))
    assert expectation is not None
    assert expectation.is_known
    moments = schedule(expectation, 1000.0)
    reach = 1 - max(0.06, min(past) / 400)
    assert sum(at < min(past) * min(reach, 0.75) for at in moments) <= 4
    around = [at for at in moments if expectation.early_s <= at <= expectation.late_s]
    assert len(around) <= 10 + (expectation.late_s - expectation.early_s) / 1.5


@given(st.lists(st.floats(0.0, 1e5), max_size=60), st.integers(1, 6))
def test_a_plan_is_made_of_whatever_the_ledger_holds(past: list[float], copies: int) -> None:
    """Nought, equal times, and times a million apart make a plan, with at most a look for each of its moments."""
    expectation = expect(past * copies, None)
    assert expectation is None or 0 < expectation.early_s <= expectation.late_s
    if expectation is not None:
        assert len(schedule(expectation, expectation.moments[-1])) <= 2 * len(expectation.moments)


def test_a_steady_variant_takes_few_polls() -> None:
    """What always takes a minute is asked for a handful of times, and is hardly late."""
    expectation = expect([60.0] * 10, (30.0, 90.0))
    moments = schedule(expectation, 64.0)
    assert sum(at < 56 for at in moments) <= 2
    assert len(moments) <= 8
    assert min(at for at in moments if at >= 60.0) - 60.0 <= 2.0


def test_recent_runs_weigh_more() -> None:
    """After a service has become twice as fast for a while, looks are placed for that."""
    slow, fast = [60.0] * 30, [30.0] * 20
    expectation = expect([*fast, *slow], None)
    assert expectation is not None
    assert sum(25 <= at <= 35 for at in schedule(expectation, 35.0)) >= 3
    assert expectation.early_s < 32


def test_a_burst_is_forgotten() -> None:
    """A few slow runs some time ago do not keep the looks from where nearly all runs end."""
    moments = schedule(expect([*[30.0] * 20, *[120.0] * 5, *[30.0] * 20], None), 200.0)
    assert min(at for at in moments if at >= 30.0) - 30.0 <= 2.0
    assert sum(at < 28 for at in moments) <= 3
    assert sum(35 < at < 100 for at in moments) <= 13


def test_a_shared_look_is_taken_more_often() -> None:
    """Where one request asks after several clips, each is looked at more closely, and the last few of many most."""
    past = [40.0, 45.0, 50.0, 55.0, 60.0, 65.0, 70.0]
    alone, shared, last = (
        len(schedule(expect(past, None, share=each), 80.0)) for each in (1.0, SHARED, LAST)
    )
    assert alone < shared < last < 2 * shared
    assert shared < 2 * alone


def test_the_past_can_grow_shorter() -> None:
    """A service that became faster is noticed, although nothing is seen done before the first look."""
    past = [100.0] * 20
    for _ in range(60):
        ready = 30.0
        seen = next(at for at in schedule(expect(past, None), 200.0) if at >= ready)
        past = [seen, *past][:50]
    assert min(past) < 45.0


def test_without_a_past_gaps_grow_to_five_seconds() -> None:
    """From half a second by 1.3 to five, as the design says."""
    moments = schedule(None, 60.0)
    gaps = [after - before for before, after in zip([0.0, *moments], moments, strict=False)]
    assert gaps[0] == pytest.approx(0.5)
    assert all(b == pytest.approx(min(a * 1.3, 5.0)) for a, b in itertools.pairwise(gaps))


def test_around_the_typical_time_polls_are_close() -> None:
    """One to two seconds apart where the catalogue expects the clip, up to five before and after."""
    expectation = expect([], (30.0, 90.0))
    moments = schedule(expectation, 300.0)
    near = [at for at in moments if 30.0 <= at <= 90.0]
    assert all(1.0 <= b - a <= 2.0 for a, b in itertools.pairwise(near))
    late = [at for at in moments if at > 120.0]
    assert all(b - a == pytest.approx(5.0) for a, b in itertools.pairwise(late))


def test_what_is_taken_up_again_is_asked_for_at_once() -> None:
    """A prediction that was out for days may have been ready for days."""
    assert gap_s(86400.0, 0, None) == 0.0
    assert gap_s(86400.0, 0, Expectation(30.0, 90.0)) == 0.0
    assert gap_s(86400.0, 0, expect([30.0, 60.0, 90.0], None)) == 0.0
    assert gap_s(0.0, 0, None) > 0.0


@given(st.integers(0, 10_000), st.one_of(st.none(), st.floats(0, 1e6)))
def test_backing_off_never_undercuts_what_was_asked(failures: int, asked: float | None) -> None:
    """The service's own pause is kept, and a pause without one is at most a minute."""
    pause = back_off_s(failures, asked)
    assert pause >= (asked or 0.0)
    assert pause <= max(60.0, asked or 0.0)
    assert pause > 0
