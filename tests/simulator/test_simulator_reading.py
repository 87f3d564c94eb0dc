"""What a prompt asks to see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.simulator.reading import read_moves, read_prompt


@pytest.mark.parametrize(
    ("prompt", "place", "light", "figure"),
    [
        ("A glass marble rolls off a wooden table", "table", None, "marble"),
        ("a ship on the ocean at night", "sea", "night", "boat"),
        ("Neon city street, a taxi", "city", "night", "car"),
        ("eagle over mountain peaks at dawn", "mountain", "dawn", "bird"),
        ("a red fox in the forest, sunset", "forest", "sunset", "walker"),
        ("an astronaut in space", "space", "night", "person"),
    ],
)
def test_words_choose_the_scene(prompt: str, place: str, light: str | None, figure: str) -> None:
    """What a prompt names is what is seen."""
    look = read_prompt(prompt, seed="s")
    assert (look.place, look.figure) == (place, figure)
    assert light in (None, look.light)


@pytest.mark.parametrize(
    ("prompt", "moves"),
    [
        ("[Pan left] x", ("pan left",)),
        ("[pan LEFT, Zoom in] then [Shake]", ("pan left", "zoom in", "shake")),
        ("[Tracking shot][Tracking shot]", ("tracking shot",)),
        ("[simulate: fail 1200] [Dance] pan left", ()),
    ],
)
def test_camera_commands_are_found(prompt: str, moves: tuple[str, ...]) -> None:
    """Several in one bracket, any case, each once; nothing else in brackets counts."""
    assert read_moves(prompt) == moves


@given(st.text(max_size=300))
def test_any_text_gives_a_look_and_always_the_same(prompt: str) -> None:
    """No text breaks it."""
    assert read_prompt(prompt, seed="1") == read_prompt(prompt, seed="1")


def test_other_prompts_look_different() -> None:
    """Prompts that name nothing differ by lot, and takes of one prompt only in shade."""
    looks = [read_prompt(f"thing number {n}", seed="s") for n in range(30)]
    assert len({(look.place, look.light, look.palette) for look in looks}) > 20
    one, other = read_prompt("thing", seed="1"), read_prompt("thing", seed="2")
    assert (one.place, one.light, one.figure) == (other.place, other.light, other.figure)
    assert one.palette != other.palette
