"""Dates as a person writes them: ``2026-11-03``, ``3 Nov``, ``3d``, ``yesterday``.

In comes a text, a date or a time; out goes a zone-aware time. Days are days of this machine's zone, from midnight to
midnight, with its summer time. Next: the history's ``since`` and ``until``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

__all__ = ["EXAMPLES", "since", "until"]

EXAMPLES = '2026-11-03, "3 Nov", 3d, yesterday or today'

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AGO = re.compile(r"(\d{1,4})\s*(min|minutes?|h|hours?|d|days?|w|weeks?)(?:\s+ago)?")
# At least three letters, so that a month is one month only.
_DAY_MONTH = re.compile(r"(?P<day>\d{1,2})\.? (?P<month>[a-z]{3,9})\.?(?:,? (?P<year>\d{4}))?")
_MONTH_DAY = re.compile(r"(?P<month>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:,? (?P<year>\d{4}))?")


def since(said: str | date | datetime, now: datetime | None = None) -> datetime:
    """Give the first moment of what is said: the midnight at which a day begins, or the time itself.

    Parameters
    ----------
    said : str, date or datetime
        A day, a time, or how long ago: ``3d`` is the day three days ago, ``2h`` exactly two hours ago. A time without
        a zone is local.
    now : datetime, optional
        From when to count.

    Raises
    ------
    ValueError
        It is no date.

    Examples
    --------
    >>> since("2026-11-03") == since("3 Nov 2026") == since(date(2026, 11, 3))
    True
    """
    found = _read(said, _local(now or datetime.now().astimezone()))
    return found if isinstance(found, datetime) else _midnight(found)


def until(said: str | date | datetime, now: datetime | None = None) -> datetime:
    """Give the moment at which what is said is over: the midnight after a day, or the time itself.

    Examples
    --------
    >>> until("2026-11-03") == since("2026-11-04")
    True
    """
    found = _read(said, _local(now or datetime.now().astimezone()))
    return found if isinstance(found, datetime) else _midnight(found + timedelta(days=1))


def _read(said: str | date | datetime, now: datetime) -> datetime | date:
    """Read a time or a whole day."""
    try:
        if isinstance(said, datetime):
            return _local(said)
        if isinstance(said, date):
            return said
        found = _day(" ".join(said.lower().split()), now) or _written(said.strip())
    except (OverflowError, OSError) as error:
        raise ValueError("a date that no calendar has") from error
    if found is None:
        raise ValueError(f"no date: write {EXAMPLES}")
    return found


def _local(moment: datetime) -> datetime:
    """Give a moment in this machine's zone; without a zone it is local already."""
    return moment.astimezone()


def _midnight(day: date) -> datetime:
    """Give the local midnight at which a day begins; each with its own day's summer time."""
    try:
        return datetime.combine(day, time.min).astimezone()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("a date that no calendar has") from error


def _written(said: str) -> datetime | date | None:
    """Read an ISO date or time."""
    try:
        return date.fromisoformat(said) if len(said) <= 10 else _local(datetime.fromisoformat(said))
    except ValueError:
        return None


def _day(said: str, now: datetime) -> datetime | date | None:
    """Read words: a day by its name, or how long ago."""
    today = now.date()
    if said in {"today", "yesterday"}:
        return today - timedelta(days=said == "yesterday")
    if said in _WEEKDAYS:
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(said)) % 7)
    if match := _AGO.fullmatch(said):
        count, unit = int(match[1]), match[2]
        if unit[0] in "mh":
            return _local(now - (timedelta(minutes=count) if unit[0] == "m" else timedelta(hours=count)))
        return today - timedelta(days=count if unit[0] == "d" else 7 * count)
    match = _DAY_MONTH.fullmatch(said) or _MONTH_DAY.fullmatch(said)
    return _of_year(match["day"], match["month"], match["year"], today) if match else None


def _of_year(day: str, month: str, year: str | None, today: date) -> date | None:
    """Put a day together; without a year it is the last one that was."""
    named = [number for number, name in enumerate(_MONTHS, 1) if name.startswith(month)]
    if not named:
        return None
    years = [int(year)] if year else range(today.year, today.year - 8, -1)  # 29 Feb may be long ago
    for each in years:
        try:
            found = date(each, named[0], int(day))
        except ValueError:
            continue
        if year or found <= today:
            return found
    return None
