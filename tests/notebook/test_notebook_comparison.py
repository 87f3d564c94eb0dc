"""Which clip stands where, and what is said there."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.comparison import Compared, lay_out
from hailuo_nb.notebook.comparison_twin import comparison_bundle, comparison_html, stars_text
from hailuo_nb.notebook.view import ClipView


def clip(key: int, prompt: str = "A fox", **axes: str) -> Compared:
    """Make a finished clip."""
    file = f"hailuo/clips/fox-{key}.mp4"
    view = ClipView(
        str(key), name="fox", file=file, src=file, prompt=prompt, status="completed", word="done", axes=axes
    )
    return Compared(view, can_rate=True)


def grid(*names: str, size: int = 2) -> list[Compared]:
    """Make a clip of each combination of axes."""
    values = [[f"{name}{number}" for number in range(size)] for name in names]
    return [clip(n, **dict(zip(names, each, strict=True))) for n, each in enumerate(product(*values))]


def test_two_axes_are_rows_and_columns_and_the_rest_are_tabs() -> None:
    """As a person would draw the table: the first axis down, the second across."""
    shown = lay_out(grid("variant", "light", "take"))
    assert (shown.y, shown.rows) == ("variant", ("variant0", "variant1"))
    assert (shown.x, shown.columns) == ("light", ("light0", "light1"))
    assert shown.tabs == (("take", ("take0", "take1")),)
    assert [each.view.key for each in shown.at("light1", "variant0", ["take1"])] == ["3"]


def test_what_follows_from_an_axis_has_no_place_of_its_own() -> None:
    """Variants have sizes: a tab for each size would keep apart what is to be seen side by side."""
    sizes = {"t2v-standard": "768p", "t2v-pro": "1080p"}
    clips = [
        clip(n, variant=variant, size=sizes[variant], light=light)
        for n, (variant, light) in enumerate(product(sizes, ("dawn", "noon")))
    ]
    for axes in ({}, {"x": "light", "y": "variant"}):
        shown = lay_out(clips, **axes)  # type: ignore[arg-type]
        assert (shown.x, shown.y, shown.tabs) == ("light", "variant", ())
        assert [shown.caption(each) for each in shown.clips] == ["768p", "768p", "1080p", "1080p"]
    assert [name for name, _ in lay_out(clips, x="light").tabs] == ["variant"]
    both = lay_out(clips, x="size", y="variant")
    assert (both.columns, both.rows, both.tabs[0][0]) == (("768p", "1080p"), tuple(sizes), "light")


def test_asked_for_axes_are_taken_as_they_are() -> None:
    """--x and --y say which; with one of them there is a row or a column."""
    clips = grid("variant", "light", "take")
    shown = lay_out(clips, x="take", y="light")
    assert (shown.x, shown.y, shown.tabs[0][0]) == ("take", "light", "variant")
    assert lay_out(clips, y="light").columns == ()


def test_one_axis_is_a_row_and_none_a_flow() -> None:
    """Many values of one axis flow too: no row is wider than one can look at."""
    assert lay_out(grid("light")).columns == ("light0", "light1")
    assert not lay_out([clip(0), clip(1)]).has_grid
    assert not lay_out(grid("light", size=7)).has_grid
    wide = lay_out([clip(n * 9 + m, light=str(n), seed=str(m)) for n in range(2) for m in range(9)])
    assert (len(wide.columns), len(wide.rows)) == (2, 9)


def test_captions_say_only_what_heads_do_not() -> None:
    """A bare number is named by its axis; what all share is said once, above."""
    shown = lay_out([clip(n, variant="t2v-pro", light=str(n), take=str(n % 2)) for n in range(8)])
    assert shown.shared == "t2v-pro"
    assert not shown.has_grid or shown.x
    alone = shown.clips[3]
    assert shown.caption(alone, is_whole=True) == "light 3 · take 1"
    assert lay_out([clip(0), clip(1)]).caption(clip(0)) == "fox"
    two = lay_out(grid("light", "camera"))
    assert {two.caption(each) for each in two.clips} == {""}


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"x": "lihgt"}, "--x lihgt: there is no such axis; there are light, camera."),
        ({"x": "light", "y": "light"}, "--x and --y are both light; name two axes, or one of them alone."),
    ],
)
def test_a_wrong_axis_is_one_line(axes: dict[str, str], message: str) -> None:
    """It says what there is."""
    with pytest.raises(InvalidRequest) as refused:
        lay_out(grid("light", "camera"), **axes)  # type: ignore[arg-type]
    assert str(refused.value) == message


AXES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3", ""]), max_size=4)


@given(st.lists(AXES, min_size=1, max_size=30))
def test_every_clip_has_exactly_one_place(given_axes: list[dict[str, str]]) -> None:
    """Whatever differs, and even where an axis is missing: none is lost, none is shown twice."""
    shown = lay_out([clip(n, **axes) for n, axes in enumerate(given_axes)])
    if shown.has_grid:
        tabs = list(product(*(values for _, values in shown.tabs)))
        found = [
            each.view.key
            for row in shown.rows or ("",)
            for column in shown.columns or ("",)
            for tab in tabs
            for each in shown.at(column, row, tab)
        ]
        assert sorted(found, key=int) == [str(n) for n in range(len(given_axes))]
    state = shown.to_dict()
    for each in state["clips"]:
        assert each["column"] < max(1, len(state["columns"]))
        assert each["row"] < max(1, len(state["rows"]))
        assert len(each["tab"]) == len(state["tabs"])


def test_a_prompt_of_all_is_said_once() -> None:
    """Else each clip has its own."""
    assert lay_out([clip(0, "A fox", light="dawn"), clip(1, "A fox", light="noon")]).prompt == "A fox"
    assert lay_out([clip(0, "A fox", light="dawn"), clip(1, "An owl", light="noon")]).prompt == ""


def test_the_twin_has_heads_players_and_what_was_said() -> None:
    """Rows, columns and tabs are there without a script or a style sheet, and stars as text."""
    clips = grid("variant", "light", "take")
    clips[0] = Compared(clips[0].view, rating=4, remark="the <b>fox</b> slides", can_rate=True)
    clips[1] = Compared(clips[1].view, rating=0, can_rate=True)
    shown = lay_out(clips, id_="c1")
    html = comparison_html(shown, {})
    assert html.count("<video") == 8
    for head in (
        "variant0",
        "variant1",
        "light0",
        "light1",
        "take: take0",
        "take: take1",
        "★★★★☆",
        "rejected",
    ):
        assert f"<bdi>{head}</bdi>" in html
    assert "the &lt;b&gt;fox&lt;/b&gt; slides" in html
    assert "hailuo-b-c1" in html
    assert "<style" not in html
    assert "★★★★☆" in comparison_bundle(shown, {})["text/plain"]


def test_the_twin_hides_what_is_left_of_its_widget_and_nothing_else() -> None:
    """Only where a widget stood before it: else the rule would hide somebody's output."""
    shown = lay_out(grid("light"), id_="c1")
    with_widget = comparison_html(shown, {}, has_widget=True)
    assert with_widget.startswith("<style>.jp-OutputArea-child:not(:has(.hailuo-cv-live)):has(+ ")
    assert ".hailuo-b-c1){display:none}" in with_widget


def test_headless_shows_the_same_in_every_run() -> None:
    """No id of this run, no stars of this ledger."""
    clips = grid("light")
    rated = [Compared(each.view, rating=5, remark="good", can_rate=True) for each in clips]
    first = comparison_bundle(lay_out(clips, id_="one", is_headless=True), {})
    assert first == comparison_bundle(lay_out(rated, id_="two", is_headless=True), {})


def test_a_pending_clip_holds_its_place() -> None:
    """With its word instead of a player."""
    pending = Compared(ClipView("1", status="processing", word="working", axes={"light": "noon"}))
    html = comparison_html(lay_out([clip(0, light="dawn"), pending]), {})
    assert html.count("<video") == 1
    assert "working" in html


def test_when_nothing_is_to_come_there_is_a_picture_of_all() -> None:
    """For a PDF, which shows no HTML; not before, since it would be drawn with every clip that comes."""
    out = BytesIO()
    Image.new("RGB", (320, 180), "navy").save(out, "JPEG")
    here, coming = clip(0, light="dawn"), clip(1, light="noon")
    working = replace(coming, view=replace(coming.view, status="processing", word="working"))
    bundles = [
        comparison_bundle(lay_out(clips), {"0": out.getvalue()})
        for clips in ([here, coming], [here, working])
    ]
    assert ["image/jpeg" in bundle for bundle in bundles] == [True, False]
    with Image.open(BytesIO(b64decode(bundles[0]["image/jpeg"]))) as sheet:
        assert sheet.width == 516


def test_stars_are_text() -> None:
    """Nothing for no rating."""
    said = [stars_text(Compared(ClipView("0"), rating=rating)) for rating in (None, 0, 1, 5)]
    assert said == ["", "rejected", "★☆☆☆☆", "★★★★★"]
