"""Python values as plain JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.catalog.values import NotPlain, plain, shown

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(ANY)
def test_a_plain_value_is_what_json_gives_back(value: Any) -> None:
    """What is kept survives JSON unchanged, and making it plain twice changes nothing."""
    try:
        kept = plain(value)
    except NotPlain:
        return
    text = json.dumps(kept, allow_nan=False, ensure_ascii=False)
    assert plain(json.loads(text)) == kept
    assert plain(kept) == kept
    assert text.encode()


@pytest.mark.parametrize("value", [-0.0, 0.0, 0, 2.0**53, 1e300, 0.1])
def test_equal_numbers_have_one_text(value: float) -> None:
    """A number reads the same, however it was written."""
    assert json.dumps(plain(value)) == json.dumps(plain(float(value)))


@given(ANY | st.integers(min_value=10**5000, max_value=10**5001))
def test_a_value_is_shown_on_one_short_line(value: Any) -> None:
    """Messages stay readable, whatever was given."""
    text = shown(value)
    assert text.isprintable()
    assert 0 < len(text) <= 40
