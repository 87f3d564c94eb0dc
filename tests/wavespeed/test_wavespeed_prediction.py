"""Predictions, money and texts as the service writes them, and as it should not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wavespeed_server import prediction

from hailuo_nb import errors
from hailuo_nb.wavespeed.answers import plain_line
from hailuo_nb.wavespeed.billing import read_billing, read_price, read_usd
from hailuo_nb.wavespeed.prediction import FINAL, Prediction, failure, from_data, parse_time


def read(**other: Any) -> Prediction:
    """Read a prediction that differs in these parts."""
    found = from_data(prediction(**other))
    assert found is not None
    return found


@pytest.mark.parametrize("status", ["created", "processing", *sorted(FINAL)])
def test_known_statuses_are_kept(status: str) -> None:
    """Five are final, in any letters."""
    assert read(status=f" {status.upper()}").status == status
    assert read(status=status).is_final is (status in FINAL)


@pytest.mark.parametrize("status", ["queued", "starting", "", None, 7, "succeeded", ["completed"]])
def test_any_other_status_means_still_running(status: Any) -> None:
    """A word the service adds some day finishes nobody's paid job."""
    assert read(status=status).status == "processing"
    assert not read(status=status).is_final


@pytest.mark.parametrize(
    ("outputs", "urls"),
    [
        (None, ()),
        ([], ()),
        (["https://a.test/x.mp4"], ("https://a.test/x.mp4",)),
        ([{"url": "https://a.test/x.mp4"}], ("https://a.test/x.mp4",)),
        ("https://a.test/x.mp4", ("https://a.test/x.mp4",)),
        (
            ["file:///etc/passwd", "javascript:alert(1)", "", None, 3, {"url": None}, {}, "//x", "https://"],
            (),
        ),
        (["https://a.test/\r\nX: y", "https://a.test/ b", "https://a.test/\ud800", "x" * 10_000], ()),
        ({"url": "http://a.test/1"}, ("http://a.test/1",)),
    ],
)
def test_outputs_are_addresses_that_can_be_fetched(outputs: Any, urls: tuple[str, ...]) -> None:
    """Null, texts or objects; what is no http address is left out."""
    assert read(outputs=outputs).outputs == urls


def test_times_are_zone_aware() -> None:
    """Nanoseconds as Go writes them, no zone, another zone; nonsense is unknown."""
    moment = datetime(2026, 9, 29, 23, 9, 43, 27_123, tzinfo=UTC)
    assert parse_time("2026-09-29T23:09:43.027123456Z") == moment
    assert parse_time("2026-09-29T23:09:43.027123") == moment
    assert parse_time("2026-09-30T01:09:43.027123+02:00") == moment
    for nonsense in (None, 5, "", "yesterday", "0001-01-01T00:00:00+14:00", "9" * 100):
        assert parse_time(nonsense) is None


def test_texts_become_plain_lines() -> None:
    """No terminal escape, no turned direction, no second line, no ten megabytes."""
    assert plain_line("a\x1b[31m\nb\u202ec\u200b\x00 d") == "a [31m b c d"
    assert len(plain_line("x" * 10_000_000)) == 300
    assert plain_line(None) == ""
    assert plain_line("<script>alert(1)</script>") == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({"code": 1200}, errors.ContentRejected),
        ({"error": "Content flagged as potentially sensitive."}, errors.ContentRejected),
        ({"code": 1402}, errors.ImageRejected),
        ({"code": "1402"}, errors.ImageRejected),
        ({"code": 1407}, errors.InsufficientCredits),
        ({"error": "Insufficient credits."}, errors.InsufficientCredits),
        ({"code": 1400}, errors.GenerationFailed),
        ({"code": 1401}, errors.GenerationFailed),
        ({"code": 1405, "error": "flagged"}, errors.GenerationFailed),
        ({"code": 5004}, errors.GenerationFailed),
        ({}, errors.GenerationFailed),
    ],
)
def test_a_failure_has_its_cause(other: dict[str, Any], kind: type[Exception]) -> None:
    """The task's code decides, its words only where there is none."""
    found = failure(read(status="failed", **other))
    assert type(found) is kind
    assert "\n" not in str(found)


def test_ends_that_are_no_failure_say_what_happened() -> None:
    """Cancelled, timed out and deleted are told apart; the service's words are kept; no refund is promised."""
    lines = {
        status: str(failure(read(status=status, error="why")))
        for status in ("cancelled", "timeout", "deleted")
    }
    assert len(set(lines.values())) == 3
    for line in lines.values():
        assert "why" in line
        assert "refund" not in line


def test_an_id_is_asked_for_or_matches() -> None:
    """A missing id is the one asked for; another one is another prediction."""
    data = prediction()
    assert from_data(data, asked_id="other") is None
    del data["id"]
    assert from_data(data) is None
    found = from_data(data, asked_id="abc123")
    assert found is not None
    assert found.id == "abc123"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from(
    ["id", "model", "status", "outputs", "created_at", "error", "code", "executionTime", "inputs", "price",
     "discounted_price", "currency", "prediction", "uuid", "billing_type"]
)  # fmt: skip


@given(st.dictionaries(fields, json_values, max_size=12) | json_values)
def test_nothing_the_service_says_breaks_the_reading(data: Any) -> None:
    """Any JSON gives a prediction with right types, or none; the same for money."""
    found = from_data(data)
    if found is not None:
        assert found.status in FINAL | {"created", "processing"}
        assert "\n" not in found.error
        assert isinstance(failure(found), errors.HailuoError)
    usd = read_price(data)
    assert usd is None or usd >= 0
    billing = read_billing(data)
    assert billing is None or billing.usd >= 0


def test_money_is_exact() -> None:
    """A thousand clips at $0.19 are $190.00, whichever way the number is written."""
    for written in (0.19, "0.19", " 0.190 "):
        usd = read_usd(written)
        assert usd is not None
        assert usd * 1000 == Decimal("190.00")
    for nonsense in (
        None,
        True,
        "",
        "NaN",
        "Infinity",
        float("nan"),
        float("inf"),
        "1e99",
        "1" * 50,
        [],
        "0,19",
    ):
        assert read_usd(nonsense) is None
