"""Prompts from a DataFrame: what its columns mean, and every frame that means nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_fakes import FakeService, QuickSession

from hailuo_nb.catalog.quotes import table_quote
from hailuo_nb.catalog.variants import find
from hailuo_nb.errors import InvalidRequest, PromptInvalid, TooManyClips, UnknownVariant
from hailuo_nb.session.asking import asked_from
from hailuo_nb.session.plan import Wanted, wanted_clips


def wanted(
    prompt: object, variant: object = None, *, most: int = 10_000, **options: Any
) -> tuple[Wanted, ...]:
    """Multiply out what a call of generate would ask, priced by the table."""
    asked = asked_from(Path.cwd(), "t2v-standard", prompt, variant, **options)
    return wanted_clips(asked, find=find, quote=table_quote, most=most)[0]


def prompts(*given: Any, **options: Any) -> list[str]:
    """Give the prompts of a call."""
    return [clip.request.prompt for clip in wanted(*given, **options)]


def frame(**columns: Any) -> pd.DataFrame:
    """Make a frame of columns."""
    return pd.DataFrame(columns)


def test_the_column_prompt_is_the_prompt_and_the_others_are_axes() -> None:
    """Row by row in the frame's order, with what tells the rows apart."""
    clips = wanted(frame(mood=["calm", None], prompt=["a fox", "an owl"], n=[1, 2]), takes=2)
    assert [(c.request.prompt, dict(c.axes), c.take) for c in clips] == [
        ("a fox", {"mood": "calm", "n": "1"}, 1),
        ("a fox", {"mood": "calm", "n": "1"}, 2),
        ("an owl", {"n": "2"}, 1),
        ("an owl", {"n": "2"}, 2),
    ]
    assert [c.template for c in clips[::2]] == ["a fox", "an owl"]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), min_size=1
    )
)
def test_what_a_frame_holds_is_never_read_as_grammar(texts: list[str]) -> None:
    """Braces, bars, dashes and expressions of a row arrive as they stand, as a prompt and as a value."""
    assert prompts(frame(prompt=texts)) == [text.strip() for text in texts]
    assert prompts("<{x}>", rows=frame(x=texts)) == [f"<{text}>" for text in texts]


def test_the_only_column_of_texts_is_the_prompt() -> None:
    """A frame of one text column, or a series, needs no name; options and numbers are no texts."""
    assert prompts(frame(idea=["a fox"], n=[1], variant=["t2v-pro"])) == ["a fox"]
    assert prompts(pd.Series(["a fox", "an owl"], name="anything")) == ["a fox", "an owl"]
    with pytest.raises(InvalidRequest, match=r"text columns a and b and none called prompt.*\{a\}"):
        wanted(frame(a=["x"], b=["y"]))
    with pytest.raises(InvalidRequest, match="no column of texts"):
        wanted(frame(a=[1.5]))


def test_columns_fill_the_text_a_row_at_a_time() -> None:
    """Columns go together; the text's own alternatives, the variants and lengths are multiplied."""
    clips = wanted(
        "A {animal}, {light: dawn|dusk}, {lens}",
        ["t2v-standard", "02-t2v-standard"],
        rows=frame(animal=["fox", "owl"], lens=["35 mm", "85 mm"]),
        duration=[6, 10],
    )
    by_hand = [
        (f"A {animal}, {light}, {lens}", variant, seconds)
        for animal, lens in (("fox", "35 mm"), ("owl", "85 mm"))
        for variant in ("t2v-standard", "02-t2v-standard")
        for seconds in (6, 10)
        for light in ("dawn", "dusk")
    ]
    assert [(c.request.prompt, c.variant.name, c.request.duration_s) for c in clips] == by_hand
    assert dict(clips[0].axes) == {"animal": "fox", "lens": "35 mm", "light": "dawn"}
    assert {c.template for c in clips} == {"A {animal}, {light: dawn|dusk}, {lens}"}


def test_a_column_may_have_any_name_and_stand_inside_an_alternative() -> None:
    """``{camera move}`` is a value where a frame has that column, and plain text elsewhere."""
    assert prompts("fox {x: {camera move}|still}", rows=frame(**{"camera move": ["[Pan left]"]})) == [
        "fox [Pan left]",
        "fox still",
    ]
    assert prompts("fox {camera move}") == ["fox {camera move}"]


def test_several_prompts_are_each_filled_by_each_row() -> None:
    """``---`` parts prompts here too."""
    assert prompts("a {x}\n---\nb {x}", rows=frame(x=[1, 2])) == ["a 1", "b 1", "a 2", "b 2"]


def test_columns_that_are_options_make_the_row() -> None:
    """Variant, length and takes of the row; where it has none, those of the cell."""
    rows = frame(
        prompt=["a", "b", "c"],
        variant=["t2v-pro", None, "t2v-standard"],
        duration=[np.nan, 10, 6],
        takes=[1, 2, None],
    )
    assert [
        (c.request.prompt, c.variant.name, c.request.duration_s, c.take, c.quote.usd) for c in wanted(rows)
    ] == [
        ("a", "t2v-pro", 6, 1, Decimal("0.49")),
        ("b", "t2v-standard", 10, 1, Decimal("0.56")),
        ("b", "t2v-standard", 10, 2, Decimal("0.56")),
        ("c", "t2v-standard", 6, 1, Decimal("0.28")),
    ]
    assert all(not c.axes for c in wanted(rows))
    with pytest.raises(InvalidRequest, match="variant is a column of rows and is said by this cell too"):
        wanted(rows, "t2v-pro")
    with pytest.raises(InvalidRequest, match="takes is a column"):
        wanted(rows, takes=2)
    with pytest.raises(TooManyClips, match="4 clips and max_clips is 3"):
        wanted(rows, most=3)


def test_each_row_may_start_from_its_own_picture() -> None:
    """An address, a file, or what the cell says; a picture that is not there is told with its row."""
    rows = frame(prompt=["a", "b"], image=["https://example.com/a.png", "https://example.com/b.png"])
    images = [c.request.image for c in wanted(rows, "i2v-pro")]
    assert [image.url for image in images if image is not None] == list(rows["image"])
    rows.loc[1, "image"] = "none.png"
    with pytest.raises(InvalidRequest, match=r"^row 1: There is no picture none\.png"):
        wanted(rows, "i2v-pro")


def test_equal_rows_are_one_clip(session: QuickSession, service: FakeService) -> None:
    """A row that stands twice is paid once and shown at both places."""
    batch = session.generate(frame(prompt=["a", "a", "b"], n=[1, 2, 3]), wait=True)
    assert len(batch) == 3
    assert len(service.submits) == 2
    assert list(batch.df["params.n"]) == ["1", "2", "3"]
    assert list(batch.df["cost_usd"]) == [0.28, 0, 0.28]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (frame(prompt=[]), "has no rows"),
        (pd.DataFrame(index=[0]), "has no columns"),
        (pd.DataFrame({"prompt": ["x"] * 100_001}), r"100,001 rows .* rows\.sample\(16"),
        (frame(prompt=["a", None, "c"]), r"rows row 1 has no prompt; .*dropna\(subset=\[\"prompt\"\]\)"),
        (frame(prompt=["a", None, pd.NA, np.nan]), "rows 1, 2 and 3 have no prompt"),
        (frame(prompt=["a"], tags=[["x", "y"]]), "rows row 0: tags is a list of 2"),
        (frame(prompt=["a"], thing=[object()]), "rows row 0: thing is a object"),
        (frame(prompt=["a"], takes=[0]), "row 0: takes is 0; it takes a whole number from 1"),
        (frame(prompt=["a"], duration=["long"]), "row 0: duration is 'long'"),
        (frame(prompt=["a"], duration=[6.5]), "row 0: duration is 6.5"),
        (frame(prompt=["a"], variant=[7]), "row 0: variant is 7"),
        (pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"]), "two columns named prompt"),
        (pd.DataFrame([["a", "b"]], columns=["prompt", 0]), "named 0, which is no text"),
        (pd.DataFrame([["a", "b"]], columns=["prompt", "a|b"]), "no braces or bars"),
        (["a", "b"], "rows is a list; prompts come from a DataFrame"),
    ],
)
def test_a_frame_that_means_nothing_is_one_line(rows: object, said: str) -> None:
    """What is wrong, in which row and column, and what to do."""
    with pytest.raises(InvalidRequest, match=said) as caught:
        wanted("", rows=rows)
    assert "\n" not in str(caught.value)


def test_a_value_that_is_missing_where_it_is_used() -> None:
    """It is told with its row and place; where only the history would show it, it is simply not there."""
    rows = frame(animal=["fox", None], note=[None, "x"])
    with pytest.raises(PromptInvalid, match="Row 1: animal is missing") as caught:
        wanted("a {animal}", rows=rows)
    assert str(caught.value).splitlines()[1:] == ["a {animal}", "   ^"]
    assert [dict(c.axes) for c in wanted("a {note}", rows=rows.iloc[1:])] == [{"note": "x"}]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a fox", {}, "Every row makes this same prompt: write {animal} into it"),
        ("a {anmial}", {}, "animal is a column, and the prompt does not have it: did you mean anmial?"),
        ("a {animal}", {"raw": True}, "--raw switches {column} off"),
        ("a {animal: fox|owl} {n}", {}, "animal has values here and is a column too"),
        (
            "a {animal}",
            {"vary": {"animal": ["x"]}},
            "animal is a column of rows and is said by this cell too",
        ),
        ("a {animal} {x: 1|2}", {"zip": ["animal", "x"]}, "animal is a column of rows and is said"),
    ],
)
def test_a_text_that_does_not_fit_its_frame(text: str, options: dict[str, Any], said: str) -> None:
    """Nobody pays for prompts with a brace that was meant as a column."""
    with pytest.raises(InvalidRequest) as caught:
        wanted(text, rows=frame(animal=["fox", "owl"], n=[1, 2]), **options)
    assert said in str(caught.value)


def test_a_wrong_variant_is_told_with_its_row() -> None:
    """The first row that names it, and the nearest right one; the default is not looked up where nobody needs it."""
    with pytest.raises(UnknownVariant, match=r"^Row two: No variant .*did you mean .t2v-pro"):
        wanted(pd.DataFrame({"prompt": ["a", "b"], "variant": ["t2v-pro", "t2v-prro"]}, index=["one", "two"]))
    asked = asked_from(Path.cwd(), "not-there", frame(prompt=["a"], variant=["t2v-pro"]))
    assert len(wanted_clips(asked, find=find, quote=table_quote, most=1)[0]) == 1


def test_a_sample_of_a_long_frame_reads_only_its_own_rows() -> None:
    """The same rows for the same seed, without making the others."""
    rows = frame(x=range(5000))
    chosen = prompts("fox {x}", rows=rows, sample=3, seed=4, most=16)
    assert chosen == prompts("fox {x}", rows=rows, sample=3, seed=4, most=16)
    assert len(set(chosen)) == 3
    with pytest.raises(TooManyClips, match="5,000 clips"):
        wanted("fox {x}", rows=rows, most=16)
    # Every row of the sample has more takes than the least of all rows.
    with pytest.raises(TooManyClips, match="at least"):
        wanted("fox {x}", rows=frame(x=range(10), takes=[1] + [9] * 9), sample=4, most=16)


def test_python_takes_the_frame_in_place_of_the_prompt(session: QuickSession, service: FakeService) -> None:
    """``hn.generate(df)`` is ``hn.generate("", rows=df)``; nothing is sent by a dry run."""
    rows = frame(prompt=["a", "b"], mood=["calm", "wild"])
    first, second = session.generate(rows, dry_run=True), session.generate("", rows=rows, dry_run=True)
    assert list(first["params.mood"]) == list(second["params.mood"]) == ["calm", "wild"]
    assert not service.submits
