"""Hints say what is known of prompts, once and quietly, and change nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from form_world import read_form, requests_of
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.notebook.form.hints import CAMERA, MOST_HINTS, hints_for, tips_text
from hailuo_nb.notebook.form.state import FormState

GOOD = "A red fox trots along a frozen river at dawn, its breath steaming, low winter light, [Tracking shot]"


def keys(prompt: str) -> list[str]:
    """Give what the hints of a prompt are about."""
    return [hint.key for hint in hints_for(prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        (GOOD, []),
        (GOOD + " [Truck left, Pan right, Zoom in]", []),
        (GOOD + " [simulate: takes 60]", []),
        (GOOD + " [a sign]", []),
        (GOOD.replace("[Tracking", "[tracking"), ["near"]),
        (GOOD + " [pan left]", ["near"]),
        (GOOD + " [Pan  left]", ["near"]),
        (GOOD + " [Puch in]", ["near"]),
        (GOOD + " [Push in, pan left]", ["near"]),
        (GOOD + " [Dolly zoom]", ["unknown"]),
        (GOOD + ", pan left", ["bare"]),
        (GOOD + ", Pan left and pan left", ["bare"]),
        (GOOD + " [Truck left, Pan right, Zoom in, Shake]", ["many"]),
        (GOOD + " and trots on" * 80, ["long"]),
        ("A quiet village by the sea in the evening light of late autumn", ["still"]),
        ("A fox", ["still", "short"]),
        ("A fox runs", ["short"]),
        ("A glass of red wine is falling from a large wooden kitchen table", ["physics"]),
        ("A glass of red wine tips, falls off the table and shatters on the floor", []),
        ("狐狸在雪地里奔跑", []),
    ],
)
def test_a_prompt_gets_the_hints_that_fit(prompt: str, expected: list[str]) -> None:
    """Each case is hinted at, a good prompt and one in another script are left alone."""
    assert keys(prompt) == expected


def test_a_near_miss_names_the_right_command() -> None:
    """The hint holds what was written and what to write."""
    [hint] = hints_for(GOOD + " [pan left]")
    assert hint.text == "[pan left] is not a camera command as it stands: write [Pan left]."


@given(st.text(max_size=300))
def test_hints_are_few_short_and_never_fail(prompt: str) -> None:
    """Any text gets at most a handful of lines."""
    hints = hints_for(prompt)
    assert len(hints) <= MOST_HINTS
    assert all(len(hint.text) < 300 for hint in hints)


@given(
    st.sampled_from(
        [GOOD, "a fox [pan left]", "pan left", "A fox", "x [Dolly], [Truck left,Pan right,Zoom in,Shake]"]
    )
)
def test_no_hint_changes_what_is_sent(prompt: str) -> None:
    """The request is what was written, byte for byte, whatever was said about it."""
    hints_for(prompt)
    reading = read_form(FormState("t2v-standard", prompt), Path.cwd())
    assert reading.asked is not None
    [(request, _)] = requests_of(reading.asked)
    assert request.prompt == prompt


def test_the_tips_name_every_command_and_follow_themselves() -> None:
    """All fifteen commands stand there exactly, the good examples get no hint, the poor ones do."""
    tips = tips_text()
    assert len(CAMERA) == 15
    assert all(f"[{command}]" in tips for command in CAMERA)
    assert max(map(len, tips.splitlines())) <= 120
    assert "!" not in tips
    lines = [re.split(r"  +", line.strip())[0] for line in tips.splitlines() if line.startswith("  ")]
    good = [
        line
        for line in lines
        if line.startswith(("A red fox trots along a frozen river at dawn", "A glass of water tips"))
    ]
    assert len(good) == 2
    assert [keys(line) for line in good] == [[], []]
    assert keys("A fox")
    assert keys("A glass of water on a table, dramatic")
