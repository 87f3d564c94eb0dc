"""Dates as people write them, in local days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.analysis import dates

NOW = datetime(2026, 11, 5, 12, 30, tzinfo=UTC)  # a Thursday, 13:30 in Berlin


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be in Berlin, where a day in October has 25 hours."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


DAYS = {
    "2026-11-03": "2026-11-03",
    "3 Nov": "2026-11-03",
    "3. november": "2026-11-03",
    "Nov 3": "2026-11-03",
    "Nov 3, 2024": "2024-11-03",
    "6 nov": "2025-11-06",
    "29 feb": "2024-02-29",
    "today": "2026-11-05",
    "Yesterday": "2026-11-04",
    "3d": "2026-11-02",
    "3 days ago": "2026-11-02",
    "0d": "2026-11-05",
    "1 week": "2026-10-29",
    "monday": "2026-11-02",
    "thursday": "2026-11-05",
    "20261103": "2026-11-03",
}


@pytest.mark.parametrize("said", DAYS)
def test_a_day_is_from_local_midnight_to_the_next(said: str) -> None:
    """Since is where it begins, until is where it ends."""
    day = date.fromisoformat(DAYS[said])
    assert (
        dates.since(said, NOW).isoformat()
        == f"{day}T00:00:00+0{2 if day.month in (10,) and day.day < 25 else 1}:00"
    )
    assert dates.until(said, NOW) == dates.since(day + timedelta(days=1), NOW)


def test_a_day_of_summer_time_has_its_own_length() -> None:
    """On 25 October 2026 Berlin has 25 hours."""
    assert dates.until("2026-10-25") - dates.since("2026-10-25") == timedelta(hours=25)
    assert dates.since("2026-10-25").utcoffset() == timedelta(hours=2)


def test_times_are_taken_as_they_are() -> None:
    """A time has no end; without a zone it is local; hours and minutes count back from now."""
    local = datetime(2026, 11, 3, 14, 0)  # noqa: DTZ001 - what people write
    for said in ("2026-11-03 14:00", "2026-11-03T14:00", "2026-11-03T13:00:00+00:00", local):
        assert dates.since(said, NOW) == dates.until(said, NOW) == datetime(2026, 11, 3, 13, 0, tzinfo=UTC)
    assert dates.since("2h", NOW) == NOW - timedelta(hours=2)
    assert dates.until("90 min", NOW) == NOW - timedelta(minutes=90)
    far = datetime(2026, 11, 3, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert dates.since(far) == far


@pytest.mark.parametrize(
    "said", ["", "soon", "32 Nov", "30 feb", "2026-13-01", "3x", "-3d", "ma 3", "9999-99", "d"]
)
def test_what_is_no_date_says_how_to_write_one(said: str) -> None:
    """One line with examples."""
    with pytest.raises(ValueError, match="no date: write 2026-11-03"):
        dates.since(said, NOW)


@given(st.one_of(st.text(max_size=20), st.from_regex(r"\A\d{1,9} ?[a-z]{1,9}\Z"), st.dates().map(str)))
def test_nothing_typed_breaks_it(said: str) -> None:
    """A time with a zone, or a refusal; until never comes before since."""
    try:
        first, end = dates.since(said, NOW), dates.until(said, NOW)
    except ValueError:
        return
    assert first.tzinfo is not None
    assert first <= end
