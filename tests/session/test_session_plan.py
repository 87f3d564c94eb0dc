"""What a cell multiplies out to, and how it is refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.catalog.quotes import Quote, table_quote
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Variant, find
from hailuo_nb.errors import InvalidRequest, PromptInvalid, TooManyClips
from hailuo_nb.session.frames import Row
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips

USD = {"t2v-standard": {6: "0.28", 10: "0.56"}, "t2v-pro": {0: "0.49"}}


def wanted(text: str, *variants: str, most: int = 10_000, **options: Any) -> tuple[Wanted, ...]:
    """Multiply out, priced by the table."""
    asked = Asked(text, variants or ("t2v-standard",), **options)
    return wanted_clips(asked, find=find, quote=table_quote, most=most)[0]


def faults(text: str, *variants: str, **options: Any) -> Sequence[str]:
    """Give the faults a cell is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        wanted(text, *variants, **options)
    return caught.value.faults


def test_a_cell_as_a_person_would_write_it_down() -> None:
    """Two lengths, two axes and two takes: order, prompts, axes, lengths, takes and prices by hand."""
    clips = wanted(
        "A {animal: fox|owl}, {light: dawn|dusk}",
        "t2v-standard",
        "02-t2v-standard",
        durations=(6, 10),
        takes=2,
    )
    by_hand = [
        (variant, seconds, animal, light, take)
        for variant in ("t2v-standard", "02-t2v-standard")
        for seconds in (6, 10)
        for animal in ("fox", "owl")
        for light in ("dawn", "dusk")
        for take in (1, 2)
    ]
    found = [(c.variant.name, c.request.duration_s, c.axes["animal"], c.axes["light"], c.take) for c in clips]
    assert found == by_hand
    assert [c.request.prompt for c in clips[:4:2]] == ["A fox, dawn", "A fox, dusk"]
    assert {c.template for c in clips} == {"A {animal: fox|owl}, {light: dawn|dusk}"}
    prices = {c.request.duration_s: c.quote.usd for c in clips if c.variant.name == "t2v-standard"}
    assert prices == {6: Decimal("0.28"), 10: Decimal("0.56")}
    assert len({(c.request.hash, c.take) for c in clips}) == 32


def test_dropping_an_alternative_changes_no_other_clip() -> None:
    """A clip is known by what it asks, not by its place in the cell."""
    all_of_them = {
        (c.request.hash, c.take) for c in wanted("A {animal: fox|owl|elk}, {light: dawn|dusk}", takes=2)
    }
    fewer = {(c.request.hash, c.take) for c in wanted("A {animal: fox|elk}, {light: dawn|dusk}", takes=1)}
    assert fewer < all_of_them


def test_several_prompts_each_have_their_own_axes() -> None:
    """`---` parts prompts; --zip moves axes together in those prompts that have them."""
    clips = wanted("a {x: 1|2} {y: 3|4}\n---\nb {z: 5|6}\n---\nplain", zips=(("x", "y"),))
    assert [c.request.prompt for c in clips] == ["a 1 3", "a 2 4", "b 5", "b 6", "plain"]
    with pytest.raises(PromptInvalid, match="w"):
        wanted("a {x: 1|2}\n---\nb {z: 5|6}", zips=(("x", "w"),))
    with pytest.raises(PromptInvalid, match="equally many"):
        wanted("a {x: 1|2} {y: 3|4|5}", zips=(("x", "y"),))


def test_max_clips_is_checked_before_anything_is_built() -> None:
    """Ten to the twelve combinations are refused at once, and no variant is looked up for it."""

    def nobody(_: str) -> Variant:
        raise AssertionError("looked up a variant for a cell that is refused")

    asked = Asked(
        " ".join(f"{{a{n}}}" for n in range(12)),
        ("t2v-standard",),
        vary={f"a{n}": [str(v) for v in range(10)] for n in range(12)},
    )
    began = time.perf_counter()
    with pytest.raises(TooManyClips, match=r"1,000,000,000,000 clips and max_clips is 16.*--sample N"):
        wanted_clips(asked, find=nobody, quote=table_quote, most=16)
    assert time.perf_counter() - began < 5
    with pytest.raises(TooManyClips, match="20 clips"):
        wanted("a {x: 1|2} fox", takes=10, most=19)


def test_a_sample_of_very_many_is_the_same_for_the_same_seed() -> None:
    """--sample draws without building the rest, each combination once, in the cell's order."""
    options: dict[str, Any] = {
        "vary": {f"a{n}": [str(v) for v in range(10)] for n in range(9)},
        "sample": 20,
    }
    text = " ".join(f"{{a{n}}}" for n in range(9))
    first, again = wanted(text, **options, seed=3), wanted(text, **options, seed=3)
    assert [c.request.prompt for c in first] == [c.request.prompt for c in again]
    assert len({c.request.prompt for c in first}) == 20
    assert [c.request.prompt for c in first] == sorted(c.request.prompt for c in first)
    assert {c.request.prompt for c in wanted(text, **options, seed=4)} != {c.request.prompt for c in first}
    assert len(wanted("a {x: 1|2} fox", sample=7, takes=2)) == 4


def test_a_sample_goes_over_everything_that_is_multiplied() -> None:
    """Prompts, variants and lengths are drawn from too, not only the axes of one of them."""
    drawn = {
        (c.request.prompt, c.variant.name, c.request.duration_s)
        for seed in range(40)
        for c in wanted(
            "a {x: 1|2}\n---\nb", "t2v-standard", "02-t2v-standard", durations=(6, 10), sample=1, seed=seed
        )
    }
    assert len(drawn) == 12


def test_every_combination_that_cannot_be_made_is_named() -> None:
    """The variant where there are several, and the fault once however many axis values have it."""
    named = faults("a {x: fox|owl}", "t2v-standard", "t2v-pro", "i2v-pro", durations=(6, 10))
    assert sum(fault.startswith("t2v-pro: ") and "10" in fault for fault in named) == 1
    assert sum(fault.startswith("i2v-pro: ") and "image" in fault for fault in named) == 1
    assert not any(fault.startswith("t2v-standard") for fault in named)
    assert len(named) == len(set(named))


def test_a_fault_of_one_value_names_the_value() -> None:
    """A prompt that one alternative makes too long says which one."""
    named = faults("a {x}", vary={"x": ["fox", "y" * 2000, "z" * 2001]})
    assert len(named) == 2
    assert named[0].startswith("x yyyyyyyyyyyyyyyyyyyyyyyyyyyyy…: ")
    assert named[1].startswith("x zzzzz")
    assert faults("y" * 2001 + "\n---\na fox")[0].startswith("prompt 1: ")
    assert not faults("a\n---\nb", inputs={"sed": 1})[0].startswith("prompt")


def test_very_many_faults_are_one_readable_line() -> None:
    """The message stops after twenty; the object has them all."""
    with pytest.raises(InvalidRequest, match=r"; and 80 more$") as caught:
        wanted("{x}", vary={"x": [*(f"{n} {'y' * 2000}" for n in range(100)), "short"]})
    assert len(caught.value.faults) == 100
    assert len(str(caught.value)) < 4000


def test_skip_invalid_drops_and_says_so() -> None:
    """What a variant does not allow is left out, with a line; nothing left at all is still an error."""
    asked = Asked("a fox", ("t2v-standard", "t2v-pro"), durations=(10,), skip_invalid=True)
    clips, notes = wanted_clips(asked, find=find, quote=table_quote, most=16)
    assert [(c.variant.name, c.request.duration_s) for c in clips] == [("t2v-standard", 10)]
    assert len(notes) == 1
    assert notes[0].startswith("Dropped: t2v-pro: ")
    with pytest.raises(InvalidRequest, match="Nothing is left to make"):
        wanted("a fox", "t2v-pro", durations=(10,), skip_invalid=True)


def test_a_price_is_asked_once_for_each_model_and_length_and_an_unknown_variant_is_named() -> None:
    """The plan asks for nothing but prices and variants, and no text changes a price."""
    priced: list[str] = []

    def quote(variant: Variant, request: GenerationRequest) -> Quote:
        priced.append(request.prompt)
        return table_quote(variant, request)

    asked = Asked("a {x: 1|2}", ("t2v-pro", "t2v-standard"), takes=3, durations=(6, None))
    clips, _ = wanted_clips(asked, find=find, quote=quote, most=32)
    assert priced == ["a 1"] * 4
    assert [clip.quote for clip in clips] == [table_quote(clip.variant, clip.request) for clip in clips]
    with pytest.raises(InvalidRequest, match="t2v-pro"):
        wanted("a fox", "t2v-por")


def test_a_text_among_the_inputs_is_never_dropped_for_that_of_a_row() -> None:
    """Given twice it is a fault in each row that has one, whatever the row before it had."""
    rows = tuple(Row(label=text, prompt=text, texts={}, values={}, axes={}) for text in ("", "a hare"))
    asked = Asked("", ("t2v-pro",), inputs={"prompt": "a fox"}, rows=rows)
    with pytest.raises(InvalidRequest, match="given twice"):
        wanted_clips(asked, find=find, quote=table_quote, most=16)


def test_no_text_is_one_empty_prompt() -> None:
    """Some variants take a picture alone; the others say that the prompt is missing."""
    assert any("prompt" in fault for fault in faults(""))


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 30),
)
def test_counts_multiply(sizes: list[int], takes: int, lengths: int, sample: int) -> None:
    """However it is cut, the number of clips is what the check said it would be."""
    text = " ".join(f"{{a{n}}}" for n in range(len(sizes)))
    vary = {f"a{n}": [f"v{v}" for v in range(size)] for n, size in enumerate(sizes)}
    durations = (6, 10)[:lengths]
    total = lengths
    for size in sizes:
        total *= size
    clips = wanted(text, vary=vary, durations=durations, takes=takes, most=total * takes)
    assert len(clips) == total * takes
    with pytest.raises(TooManyClips):
        wanted(text, vary=vary, durations=durations, takes=takes, most=total * takes - 1)
    some = wanted(text, vary=vary, durations=durations, takes=takes, sample=sample)
    assert len(some) == min(sample, total) * takes
    everything = [(c.request.hash, c.take) for c in clips]
    assert [pair for pair in everything if pair in {(c.request.hash, c.take) for c in some}] == [
        (c.request.hash, c.take) for c in some
    ]


def test_all_vbench_prompts_are_planned_fast(shared: Path) -> None:
    """946 prompts times two variants are multiplied out, checked and priced within seconds, byte for byte."""
    prompts = [
        line for line in (shared / "prompts" / "vbench.txt").read_text("utf-8").splitlines() if line.strip()
    ]
    began = time.perf_counter()
    clips = wanted("\n---\n".join(prompts), "t2v-standard", "t2v-pro")
    assert time.perf_counter() - began < 5
    assert [c.request.prompt for c in clips if c.variant.name == "t2v-pro"] == [p.strip() for p in prompts]
