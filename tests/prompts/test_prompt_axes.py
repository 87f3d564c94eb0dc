"""Grids of axes: products, zips and samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.errors import PromptInvalid
from hailuo_nb.prompts.axes import Axis, Grid

AXES = (Axis("a", ("1", "2")), Axis("b", ("x", "y", "z")), Axis("c", ("p", "q")))


def test_zipped_axes_move_together() -> None:
    """Axes of one group take their values in step, whatever stands between them."""
    grid = Grid(AXES, (("a", "c"),))
    assert grid.count == 6
    assert [dict(choice) for choice in grid][3] == {"a": "2", "b": "x", "c": "q"}
    assert all((c["a"], c["c"]) in {("1", "p"), ("2", "q")} for c in map(dict, grid))


@pytest.mark.parametrize(
    ("zips", "said", "column"),
    [
        ((("a", "d"),), "--zip names d", 8),
        ((("a", "b"),), "b has 3 values and a has 2", 8),
        ((("a", "a"),), "zipped twice", 8),
        ((("a", "c"), ("c", "a")), "zipped twice", 6),
    ],
)
def test_wrong_zips(zips: tuple[tuple[str, ...], ...], said: str, column: int) -> None:
    """A group that cannot move together is one line with a caret under the axis."""
    with pytest.raises(PromptInvalid) as caught:
        Grid(AXES, zips)
    message, _, pointer = str(caught.value).splitlines()
    assert said in message
    assert pointer.index("^") == column


def test_zip_without_axes_says_how_to_write_one() -> None:
    """With nothing to zip the message shows an axis."""
    with pytest.raises(PromptInvalid, match="there are no axes here"):
        Grid((), (("a", "b"),))


@given(st.integers(1, 40), st.integers())
def test_samples_are_the_same_for_a_seed(size: int, seed: int) -> None:
    """A sample has the asked size, no doubles, its order, and is the same each time."""
    grid = Grid(AXES)
    chosen = grid.sample(size, seed)
    assert len(set(chosen)) == len(chosen) == min(size, grid.count)
    assert chosen == sorted(chosen) == grid.sample(size, seed)
    assert all(0 <= index < grid.count for index in chosen)


def test_a_sample_stays_the_same_for_ever() -> None:
    """These numbers are written down: another choice would pay for other clips."""
    grid = Grid(tuple(Axis(f"a{n}", tuple("0123456789")) for n in range(3)))
    assert grid.sample(4, 1) == [133, 255, 763, 845]


def test_an_empty_grid_has_one_combination() -> None:
    """No axes make one prompt."""
    assert list(Grid(())) == [()]


def test_there_is_nothing_outside_a_grid() -> None:
    """A number beyond the last combination is an error and not another clip."""
    with pytest.raises(IndexError):
        Grid(AXES).at(12)
