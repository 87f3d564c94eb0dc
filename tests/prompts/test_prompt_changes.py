"""Which words changed between two versions of a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.prompts.changes import MOST_PIECES, changes


@pytest.mark.parametrize(
    ("was", "now", "said", "marked"),
    [
        ("A fox at dawn.", "A fox at dusk.", "1 word changed", (["dawn"], ["dusk"])),
        ("A glass marble", "A steel marble rolls", "2 words changed", (["glass"], ["steel", "rolls"])),
        ("a fox, running", "a fox running", "only signs or spaces changed", ([","], [])),
        ("a fox", "", "2 words changed", (["a fox"], [])),
        ("{light: dawn|noon}", "{light: dawn|noon|night}", "1 word changed", ([], ["|night"])),
    ],
)
def test_what_changed_is_marked_and_counted(
    was: str, now: str, said: str, marked: tuple[list[str], list[str]]
) -> None:
    """A word for another is one; spaces beside a changed word are not marked."""
    found = changes(was, now)
    assert found.text == said
    assert tuple([p.text for p in side if p.is_changed] for side in (found.was, found.now)) == marked


def test_a_book_is_not_compared_word_by_word() -> None:
    """It would take minutes; all of it counts as changed."""
    found = changes("word " * MOST_PIECES, "a fox")
    assert (len(found.was), found.words) == (1, MOST_PIECES)


@given(st.text(), st.text())
def test_the_pieces_are_the_texts(was: str, now: str) -> None:
    """Nothing is lost, and what is not marked is in both."""
    found = changes(was, now)
    assert ("".join(p.text for p in found.was), "".join(p.text for p in found.now)) == (was, now)
    kept = [
        "".join("".join(p.text for p in side if not p.is_changed).split()) for side in (found.was, found.now)
    ]
    assert kept[0] == kept[1]
    assert not [p for p in changes(was, was).was if p.is_changed]
