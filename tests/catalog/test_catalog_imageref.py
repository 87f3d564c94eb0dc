"""Pictures as part of a request: addresses, and what is shown of them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.catalog.imageref import ImageRef, address_without_query


def test_an_address_counts_by_its_text_and_is_shown_without_its_secrets() -> None:
    """Query, fragment and password are part of the identity and of no label."""
    found = ImageRef.of_address("https://me:pw@example.org:8443/a/fox.png?sig=1#x")
    assert found.kind == "url"
    assert found.url == "https://me:pw@example.org:8443/a/fox.png?sig=1#x"
    assert found.label == "https://example.org:8443/a/fox.png"
    assert found != ImageRef.of_address("https://example.org/a/fox.png")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fox.png",
        "ftp://x.org/a.png",
        "https://",
        "https:///a",
        "file:///etc/passwd",
        "http://[x/a",
        "https://x.org/a b.png",
        "javascript:1",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Only http and https with a host are addresses."""
    with pytest.raises(ValueError, match="web address"):
        ImageRef.of_address(text)


@given(st.binary(max_size=200))
def test_an_inline_picture_counts_as_the_file_it_holds(data: bytes) -> None:
    """A data address is known by the digest of its bytes."""
    found = ImageRef.of_address("data:image/png;base64," + base64.b64encode(data).decode())
    assert (found.kind, found.data, found.content_type, found.url) == ("file", data, "image/png", None)
    assert dict(found.identity) == {"sha256": hashlib.sha256(data).hexdigest(), "fit": None}


def test_a_broken_inline_picture_is_refused() -> None:
    """Text that is no base64 is named."""
    with pytest.raises(ValueError, match="base64"):
        ImageRef.of_address("data:image/png;base64,@@@")


@given(st.text())
def test_any_text_is_an_address_or_a_fault(text: str) -> None:
    """No text crashes the reading of an address, and none leaks a query into a label."""
    try:
        found = ImageRef.of_address("https://example.org/" + text)
    except ValueError:
        return
    assert "?" not in found.label
    assert address_without_query(found.label) == found.label
