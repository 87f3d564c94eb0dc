"""Quotes by the dated table, and money as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import sum_usd, table_quote, usd_text
from hailuo_nb.catalog.request import build
from hailuo_nb.catalog.variants import all_variants, find

PICTURE = ImageRef.of_address("https://example.org/fox.png")


@pytest.mark.parametrize(
    ("name", "asked", "usd"),
    [
        ("t2v-standard", {}, "0.28"),
        ("t2v-standard", {"duration": 10, "expand": False}, "0.56"),
        ("t2v-pro", {"expand": False}, "0.49"),
        ("fast", {"duration": 10, "go_fast": False}, "0.32"),
        ("02-t2v-standard", {}, "0.23"),
        ("02-t2v-standard", {"duration": 10}, None),
        ("02-i2v-pro", {}, "0.49"),
        ("02-i2v-pro", {"inputs": {"end_image": "https://example.org/e.png"}}, None),
        ("seedance-t2v", {"inputs": {"seed": 5}}, "0.26"),
        ("seedance-t2v", {"duration": 12}, None),
        ("seedance-t2v", {"inputs": {"resolution": "1080p"}}, None),
        ("seedance-t2v", {"inputs": {"resolution": "720p", "generate_audio": True}}, "0.26"),
        ("seedance-t2v", {"inputs": {"generate_audio": False}}, None),
        ("wan-t2v", {"inputs": {"negative_prompt": "rain"}}, "0.50"),
        ("wan-i2v", {"inputs": {"audio": "https://example.org/a.mp3"}}, None),
    ],
)
def test_a_price_is_known_or_unknown_and_never_guessed(
    name: str, asked: dict[str, Any], usd: str | None
) -> None:
    """The table answers for exactly the inputs it was read for."""
    variant = find(name)
    request = build(variant, prompt="x", image=PICTURE if variant.takes_image else None, **asked)
    quote = table_quote(variant, request)
    assert quote.usd == (None if usd is None else Decimal(usd))
    assert quote.source == "table"
    assert quote.is_estimate
    assert bool(quote.as_of) is (usd is not None)


def test_every_variant_has_a_price_by_default() -> None:
    """No variant of the catalogue starts with an unknown price."""
    for variant in all_variants():
        request = build(variant, prompt="x", image=PICTURE if variant.takes_image else None)
        assert table_quote(variant, request).usd is not None, variant.name


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0.49", "$0.49"),
        ("0.1", "$0.10"),
        ("0.125", "$0.125"),
        ("0.1300", "$0.13"),
        ("3.92", "$3.92"),
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("-0.28", "-$0.28"),
        ("0.0001", "under $0.001"),
        ("0.12345", "$0.123"),
    ],
)
def test_money_reads_as_people_write_it(usd: str, text: str) -> None:
    """Two decimals, and a third where one is needed."""
    assert usd_text(Decimal(usd)) == text


def test_an_unknown_price_says_so() -> None:
    """None is never shown as nothing."""
    assert usd_text(None) == "price unknown"


@given(st.lists(st.none() | st.decimals(0, 100, places=3)))
def test_a_sum_with_an_unknown_is_unknown(sums: list[Decimal | None]) -> None:
    """A sum is exact, or not known at all."""
    known = [each for each in sums if each is not None]
    assert sum_usd(sums) == (sum(known, Decimal(0)) if len(known) == len(sums) else None)
