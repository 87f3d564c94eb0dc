"""Values on their way into the file and out of it."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger import rows


@given(st.integers(0, 10**14))
def test_money_comes_back_to_the_micro_dollar(micros: int) -> None:
    """Nothing passes through a binary fraction."""
    usd = rows.to_usd(micros)
    assert usd is not None
    assert micros == rows.to_micros(usd)
    assert Decimal(micros) / 1_000_000 == usd


def test_money_reads_as_people_write_it() -> None:
    """Two decimals at least, and no exponent."""
    assert [str(rows.to_usd(micros)) for micros in (490_000, 125_000, 190_000_000, 0)] == [
        "0.49",
        "0.125",
        "190.00",
        "0.00",
    ]


@pytest.mark.parametrize(
    "wrong", [Decimal(-1), Decimal("NaN"), Decimal("Infinity"), Decimal(10**10), 0.49, 1]
)
def test_what_is_no_sum_of_money_is_refused(wrong: object) -> None:
    """Negative money would be room in the budget, and a float is never exact."""
    with pytest.raises(LedgerError, match="not a sum of money"):
        rows.to_micros(wrong)  # type: ignore[arg-type]


@given(st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_come_back_to_the_millisecond(moment: datetime) -> None:
    """And they are aware."""
    again = rows.to_time(rows.to_ms(moment))
    assert again is not None
    assert abs((again - moment).total_seconds()) <= 0.001
    assert again.tzinfo == UTC


def test_a_time_without_zone_is_refused() -> None:
    """It would be somebody's local time."""
    with pytest.raises(LedgerError, match="no zone"):
        rows.to_ms(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()))
def test_mappings_come_back(mapping: dict[str, object]) -> None:
    """Any text, the strangest too."""
    assert mapping == rows.from_json(rows.to_json(mapping), {})


@pytest.mark.parametrize("stored", ["{", "[]", "null", "1", "[" * 100_000, None, 7])
def test_what_is_not_the_right_json_is_empty(stored: object) -> None:
    """A ledger that somebody changed still opens."""
    assert rows.from_json(stored, {}) == {}


@given(st.text(min_size=1), st.integers(1, 99), st.integers(1, 9))
def test_ids_are_short_typeable_and_never_numbers(text: str, take: int, attempt: int) -> None:
    """Eight characters, a letter first; the same clip has the same id in every ledger; longer ones begin alike."""
    short = rows.short_id("simulator", repr(text), take, attempt)
    assert re.fullmatch(r"[a-hjkmnp-tv-z][0-9a-hjkmnp-tv-z]{7}", short)
    assert short == rows.short_id("simulator", repr(text), take, attempt)
    assert rows.short_id("simulator", repr(text), take, attempt, 12).startswith(short)
    assert short == rows.typed_id(f" {short.upper().replace('0', 'O').replace('1', 'I')} ")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.ipynb", "a.ipynb"),
        ("deep/a.ipynb", "deep/a.ipynb"),
        ("/home/somebody/a.ipynb", "a.ipynb"),
        ("C:\\Users\\somebody\\a.ipynb", "a.ipynb"),
        (None, None),
    ],
)
def test_no_home_folder_is_kept(given: str | None, kept: str | None) -> None:
    """Of an absolute path only the name goes into the ledger."""
    assert kept == rows.notebook_name(given)


@given(st.text())
def test_no_address_keeps_a_query(url: str) -> None:
    """Whatever a service calls a URL, what is kept has no query, fragment or user."""
    kept = rows.address_without_query(url)
    assert kept is None or not set("?#") & set(kept)


def test_a_row_made_of_all_its_fields_is_the_row_that_the_class_makes() -> None:
    """The quick way leaves nothing out and stays frozen."""
    fields: dict[str, Any] = {name: name.upper() for name in rows.ClipRow.__dataclass_fields__}
    row: Any = rows.clip_row_of(dict(fields))
    assert row == rows.ClipRow(**fields)
    with pytest.raises(FrozenInstanceError):
        row.status = "completed"


def test_a_row_is_not_made_of_fields_it_does_not_have() -> None:
    """A column of a later version, or one left out, is an error and no half row."""
    fields: dict[str, object] = dict.fromkeys(rows.ClipRow.__dataclass_fields__)
    with pytest.raises(TypeError, match="colour"):
        rows.clip_row_of({**fields, "colour": "red"})
    with pytest.raises(TypeError, match="status"):
        rows.clip_row_of({name: value for name, value in fields.items() if name != "status"})
