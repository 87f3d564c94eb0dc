"""The table of a dry run: what it holds, and how it looks."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from hailuo_nb.analysis.preview import preview_frame
from hailuo_nb.ledger.rows import NewClip


def clip(prompt: str, axes: Mapping[str, str] | None = None, **more: Any) -> NewClip:
    """Make a clip as the session would ask for it."""
    facts: dict[str, Any] = {"variant": "t2v-standard", "quote_usd": Decimal("0.28"), "take": 1} | more
    return NewClip(
        service="simulator",
        request_hash=f"{prompt}|{facts['variant']}",
        model_id="minimax/hailuo-2.3/t2v-standard",
        prompt=prompt,
        prompt_template=prompt,
        axes=axes or {},
        inputs={},
        duration_s=6.0,
        **facts,
    )


def preview(*clips: NewClip, **options: Any) -> pd.DataFrame:
    """Preview clips of which the ledger has none."""
    return preview_frame(clips, [None] * len(clips), **options)


def lines(html: str) -> str:
    """Give what a person reads of some HTML, a line for each cell and block."""
    return re.sub(r"\n+", "\n", re.sub(r"<[^>]+>", "\n", html)).strip()


def test_the_columns_are_those_of_the_contract_in_order() -> None:
    """Axes after the prompt even where only later clips have them; what stands twice is a repeat."""
    frame = preview(clip("a"), clip("b", {"light": "dawn"}), clip("a"))
    assert list(frame.columns) == [
        *("variant", "take", "duration_s", "prompt", "params.light", "status", "quote_usd")
    ]
    assert list(frame["status"]) == ["new", "new", "repeat"]
    assert frame.attrs["new_usd"] == 0.56
    assert preview(clip("a", quote_usd=None), clip("b")).attrs["new_usd"] is None


def test_it_says_once_what_all_share_and_adds_up() -> None:
    """Quote line, headings of what differs, a row for each clip, and what is to be paid."""
    first, second = clip("a fox", {"light": "dawn"}), clip("an owl", {"light": "dawn"}, take=2)
    frame = preview(first, second, budget_left_usd=Decimal(5))
    assert lines(frame._repr_html_()).splitlines() == [
        "simulated · 2 clips · 2 new at $0.28 = $0.56 · budget left $4.44 · t2v-standard · 6 s",
        *("prompt", "light", "take", "price"),
        *("a fox", "dawn", "1", "$0.28"),
        *("an owl", "dawn", "2", "$0.28"),
        *("To pay", "$0.56"),
        "A dry run: nothing was sent.",
    ]
    assert repr(frame).splitlines() == [
        "simulated · 2 clips · 2 new at $0.28 = $0.56 · budget left $4.44 · t2v-standard · 6 s",
        "prompt  light  take  price",
        "a fox   dawn   1     $0.28",
        "an owl  dawn   2     $0.28",
        "To pay: $0.56. A dry run: nothing was sent.",
    ]


def test_a_prompt_that_all_share_stands_above() -> None:
    """What differs is the table; one clip alone has its prompt in it."""
    frame = preview(clip("a fox"), clip("a fox", variant="t2v-pro", quote_usd=Decimal("0.49")))
    assert repr(frame).splitlines()[:4] == [
        "simulated · 2 clips · 2 new = $0.77 · 6 s",
        "a fox",
        "variant       price",
        "t2v-standard  $0.28",
    ]
    assert lines(frame._repr_html_()).count("a fox") == 1
    assert repr(preview(clip("a fox"))).splitlines()[1] == "prompt  price"


def test_a_price_that_nobody_knows_is_not_nothing() -> None:
    """The sum says so instead of leaving it out."""
    frame = preview(clip("a", quote_usd=None), clip("b"))
    assert "2 new = price unknown" in repr(frame)
    assert "To pay: price unknown" in repr(frame)
    assert "over the budget by $0.18" in repr(preview(clip("a"), budget_left_usd=Decimal("0.1")))


def test_dollars_and_markup_of_a_prompt_are_text() -> None:
    """Nothing in a prompt becomes a formula, an element or a change of direction."""
    html = preview(clip('for $5 and $6 <img src=x onerror="a()"> \u202ereversed'))._repr_html_()
    assert html.startswith('<div class="tex2jax_ignore mathjax_ignore">')
    assert "<img" not in html
    assert "\u202e" not in html
    assert "for $5 and $6 &lt;img" in html


def test_long_prompts_open_and_long_tables_fold() -> None:
    """Nothing is cut without a way to see it, and a thousand rows do not fill a notebook."""
    text = "marble " * 100
    html = preview(clip(text))._repr_html_()
    assert "<details><summary>marble" in html
    assert text.strip() in html
    many = preview(*(clip(f"fox {number}") for number in range(946)))
    html = many._repr_html_()
    assert "176 more; the other 746 are in the DataFrame" in html
    assert html.count("<tr>") == 200 + 2
    assert "To pay: $264.88" in html
    assert len(html) < 100_000
    assert "and 922 more in the DataFrame" in repr(many)
    assert len(many) == 946


def test_headless_it_says_what_every_run_says() -> None:
    """No "on disk" and no budget: a notebook that is run again has the same output."""
    shown = repr(preview(clip("a"), clip("b"), is_headless=True, budget_left_usd=Decimal(5)))
    assert shown.splitlines()[0] == "simulated · 2 clips · quote $0.56 · t2v-standard · 6 s"
    assert "Quote: $0.56" in shown
    assert "status" not in shown


def test_it_is_a_dataframe_in_every_other_way() -> None:
    """Parts and copies of it are plain frames, and it can be kept and read again."""
    frame = preview(clip("a"), clip("b"))
    assert type(frame[["prompt"]]) is pd.DataFrame
    assert type(frame.query("take == 1")) is pd.DataFrame
    assert frame["quote_usd"].sum() == 0.56
    assert repr(pickle.loads(pickle.dumps(frame))) == repr(frame)
    assert frame.copy().attrs["new_usd"] == 0.56
    del frame["status"]
    assert "To pay" not in repr(frame)
    assert "<table" in frame._repr_html_()
