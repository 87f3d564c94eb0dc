"""Where each clip stands: the tables that a person would draw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.analysis.places import Group, Row, layout


def sweep(**axes: str) -> list[tuple[str, dict[str, str]]]:
    """Multiply axes out: a clip for each combination, its key the values."""
    return [("".join(values), dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def keys_of(groups: Sequence[Group]) -> list[str]:
    """List every clip in every group."""
    return [
        key
        for group in groups
        for cells in [group.keys, *(c for row in group.rows for c in row.cells)]
        for key in cells
    ]


def test_two_axes_are_rows_and_columns() -> None:
    """The first named one runs down, the second across; nothing is left for the captions to say."""
    found = layout(sweep(light="dn", camera="lrs"))
    (grid,) = found.groups
    assert grid.columns == ("camera: l", "camera: r", "camera: s")
    assert grid.rows[0] == Row("light: d", (("dl",), ("dr",), ("ds",)))
    assert set(found.said.values()) == {""}
    assert found.labels["nr"] == "n · r"


def test_takes_stand_side_by_side_in_their_place() -> None:
    """In the order of their numbers, whenever they were made."""
    clips = [*sweep(light="dn", camera="lr", take="1"), ("late", {"light": "d", "camera": "r", "take": "3"})]
    clips.append(("second", {"light": "d", "camera": "r", "take": "2"}))
    found = layout(clips)
    assert found.groups[0].rows[0].cells == (("dl1",), ("dr1", "second", "late"))
    assert found.said["late"] == "take 3"


def test_a_third_axis_heads_groups() -> None:
    """One grid for each of its values, all with the same columns."""
    found = layout(sweep(variant="ab", light="dn", camera="lr"))
    assert [group.head for group in found.groups] == ["a", "b"]
    assert {group.columns for group in found.groups} == {("camera: l", "camera: r")}


def test_a_missing_combination_leaves_its_place_empty() -> None:
    """What a variant does not allow, and what a sample left out."""
    clips = [clip for clip in sweep(variant="abc", length="612") if clip[0] not in {"b1", "c2"}]
    assert layout(clips).groups[0].rows[1:] == (
        Row("b", (("b6",), (), ("b2",))),
        Row("c", (("c6",), ("c1",), ())),
    )


def test_axes_that_go_together_are_one_side() -> None:
    """A variant and its size, and a zip, are no second axis."""
    pairs = [{"variant": "std", "size": "768p"}, {"variant": "pro", "size": "1080p"}]
    clips = [(f"{n}{light}", {**pair, "light": light}) for n, pair in enumerate(pairs) for light in "dn"]
    assert [row.head for row in layout(clips).groups[0].rows] == ["std · 768p", "pro · 1080p"]
    zipped = layout([("0", {"light": "dawn", "animal": "fox"}), ("1", {"light": "noon", "animal": "owl"})])
    assert (zipped.groups, zipped.said) == ((), {"0": "dawn · fox", "1": "noon · owl"})


def test_a_wide_table_is_turned_and_one_too_wide_is_none() -> None:
    """Six columns at the most; more values become groups, or captions."""
    assert len(layout(sweep(a="12", b="abcdefgh")).groups[0].columns) == 2
    found = layout(sweep(a="abcdefgh", b="12345678"))
    assert [group.columns for group in found.groups] == [()] * 8
    assert found.said["a2"] == "2"


def test_an_empty_alternative_is_a_value_too() -> None:
    """Its head says so."""
    clips = [(f"{a}{b}", {"extra": a, "light": b}) for a in ("", "fog") for b in "dn"]
    assert [row.head for row in layout(clips).groups[0].rows] == ["extra: (nothing)", "extra: fog"]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["variant", "light", "camera", "take"]), st.sampled_from("1234"), min_size=0
        ),
        min_size=1,
        max_size=24,
    ),
    st.booleans(),
)
def test_every_clip_has_exactly_one_place(all_axes: list[dict[str, str]], is_flat: bool) -> None:
    """Whatever was asked for, nothing is lost and nothing stands twice; rows are as wide as their heads."""
    found = layout([(str(n), axes) for n, axes in enumerate(all_axes)], is_flat=is_flat)
    everything = [str(n) for n in range(len(all_axes))]
    if found.groups:
        assert sorted(keys_of(found.groups), key=int) == everything
    assert set(found.said) == set(found.labels) == set(everything)
    assert all(len(row.cells) == len(group.columns) for group in found.groups for row in group.rows)
