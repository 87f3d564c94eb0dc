"""What stands in a form is read as a cell reads it, and whatever is wrong is said at its field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from form_world import asked_by_cell, draw_picture, read_form, requests_of

from hailuo_nb.catalog.variants import Variant, find, from_service
from hailuo_nb.notebook.form.fields import fields_of
from hailuo_nb.notebook.form.inputs import main_variants
from hailuo_nb.notebook.form.state import FormState, state_of_clip

SIX = ("t2v-standard", "t2v-pro", "i2v-standard", "i2v-pro", "fast", "fast-pro")


def test_the_six_variants_have_a_button_each() -> None:
    """The toggle offers exactly the six, in the catalogue's order."""
    assert tuple(each.name for each in main_variants()) == SIX


@pytest.mark.parametrize("name", SIX)
def test_form_and_cell_ask_for_the_same(name: str, tmp_path: Path) -> None:
    """For each variant the full form and the cell that says it make equal requests, with equal names and tags."""
    variant = find(name)
    image = draw_picture(tmp_path) if variant.takes_image else ""
    length = 10 if 10 in variant.lengths_s else None
    state = FormState(
        variant=name,
        prompt='A {{animal}} crosses "the" river at {light}, {camera: [Pan left]|[Push in, Shake]}\n---\nIt {light}s',
        image=image,
        fit="crop" if image else "",
        duration=length,
        takes=2,
        expand=not variant.default("enable_prompt_expansion"),
        go_fast=False if variant.has("go_fast") else None,
        axes=(("light", "dawn | dusk"),),
        name="hero",
        tags="draft, it's",
    )
    said = " ".join(
        [
            f"%%hailuo {name} --takes 2 --vary light=dawn|dusk --name hero --tag draft --tag it's",
            "--no-expand" if variant.default("enable_prompt_expansion") else "--expand",
            *(["--duration 10"] if length else []),
            *([f"--image {image} --fit crop"] if image else []),
            *(["--no-go-fast"] if variant.has("go_fast") else []),
        ]
    )
    names = {"animal": "fox {a|b}"}
    reading = read_form(state, tmp_path, namespace=names)
    assert reading.faults == {}
    assert reading.asked is not None
    cell, cell_name, tags = asked_by_cell(f"{said}\n{state.prompt}", tmp_path, names)
    requests = requests_of(reading.asked)
    assert requests == requests_of(cell)
    assert len(requests) == 12
    assert (reading.name, reading.tags) == (cell_name, tags)


def test_a_field_that_is_left_alone_is_what_a_bare_cell_says(tmp_path: Path) -> None:
    """Lengths and switches at their variant's own values change nothing."""
    state = FormState("t2v-standard", "a fox", duration=6, expand=True)
    reading = read_form(state, tmp_path)
    assert reading.asked is not None
    bare, _, _ = asked_by_cell("%%hailuo t2v-standard\na fox", tmp_path, {})
    assert requests_of(reading.asked) == requests_of(bare)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"prompt": ""}, "prompt", "needs a prompt"),
        ({"prompt": "x" * 2001}, "prompt", "cut 1"),
        ({"prompt": "a {b|}"}, "prompt", "alternative is empty"),
        ({"prompt": "a {{nobody}}"}, "prompt", "nobody"),
        ({"duration": 7}, "duration", "6 or 10 s, not 7"),
        ({"takes": 0}, "takes", "whole number from 1 to 999, not 0"),
        ({"takes": "many"}, "takes", "whole number"),
        ({"name": "a/b"}, "name", "cannot name a file"),
        ({"tags": "a, b\x07"}, "tags", "cannot be shown"),
        ({"axes": (("1x", "a|b"),)}, "axes", "letters, digits"),
        ({"axes": (("light", "a||b"),)}, "axes", "empty value"),
        ({"axes": (("light", "a|b"),)}, "axes", "no {light}"),
        ({"axes": (("light", "a"), ("light", "b"))}, "axes", "twice"),
        ({"axes": (("light", "a"),), "raw": True}, "axes", "as it is"),
        ({"variant": "fast"}, "image", "starts from a picture"),
        ({"variant": "fast", "image": "none.png"}, "image", "no picture none.png"),
        ({"variant": "fast", "image": "https://a b"}, "image", "no spaces"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str, words: str, tmp_path: Path) -> None:
    """Each mistake stands at its own field alone, in words of the form and not of a cell's line."""
    state = FormState(**{"variant": "t2v-standard", "prompt": "a fox", **changes})
    reading = read_form(state, tmp_path)
    assert reading.asked is None
    assert list(reading.faults) == [field]
    assert words in reading.faults[field]
    assert "--" not in reading.faults[field]


def models(shared: Path) -> list[Variant]:
    """Give every model of the service's own list."""
    entries = json.loads((shared / "wavespeed" / "models.json").read_text("utf-8"))["data"]
    return [from_service(entry) for entry in entries]


GOOD = {
    "prompt": "a fox",
    "image": "https://example.com/a.png",
    "videos": "https://example.com/a.mp4",
    "video": "https://example.com/a.mp4",
    "reference_urls": "https://example.com/a.mp4",
}


def test_every_model_has_a_form_and_it_makes_what_a_cell_makes(shared: Path, tmp_path: Path) -> None:
    """For every model the service lists, each input is a field, and each field reaches the request."""
    listed = models(shared)
    assert len(listed) > 20
    for variant in listed:
        by_id = {variant.name: variant}
        inputs = {each.name: GOOD[each.name] for each in fields_of(variant) if each.is_required}
        image = GOOD["image"] if variant.needs_image else ""
        others: dict[str, object] = dict(inputs)
        for each in fields_of(variant):
            if each.kind == "choice":
                others[each.name] = each.choices[-1]
            elif each.kind == "switch":
                others[each.name] = not each.default
            elif each.kind == "whole":
                others[each.name] = "7"
            elif each.kind in {"text", "address"} and each.name not in inputs:
                others[each.name] = "https://example.com/b.png"
        state = FormState(variant.name, "a fox", image=image, inputs=others)
        reading = read_form(state, tmp_path, variant=variant)
        assert reading.faults == {}, variant.name
        assert reading.asked is not None
        [(request, _)] = requests_of(reading.asked, by_id.__getitem__)
        sent = {name for name in request.inputs if name not in {"prompt", "image", "duration"}}
        assert {each.name for each in fields_of(variant)} <= sent | {"enable_prompt_expansion"}, variant.name


def test_every_field_of_every_model_refuses_what_is_wrong_by_name(shared: Path, tmp_path: Path) -> None:
    """Nonsense in any one field is refused, at that field and at no other."""
    tried = 0
    for variant in models(shared):
        required = {each.name: GOOD[each.name] for each in fields_of(variant) if each.is_required}
        image = GOOD["image"] if variant.needs_image else ""
        for each in fields_of(variant):
            wrong: dict[str, object] = {
                "choice": "nonsense", "switch": "perhaps", "whole": "many", "number": "many", "text": "a\ud83e",
                "address": "photo.png", "list": "\n".join(["a"] * 9), "json": "[",
            }  # fmt: skip
            state = FormState(
                variant.name, "a fox", image=image, inputs={**required, each.name: wrong[each.kind]}
            )
            reading = read_form(state, tmp_path, variant=variant)
            assert list(reading.faults) == [each.name], (variant.name, each)
            assert each.name in reading.faults[each.name]
            tried += 1
        for name, state in (
            ("duration", FormState(variant.name, "a fox", image=image, inputs=required, duration=999)),
            ("prompt", FormState(variant.name, "a \ud83e", image=image, inputs=required)),
        ):
            assert list(read_form(state, tmp_path, variant=variant).faults) == [name], variant.name
    assert tried > 60


def test_a_missing_input_is_named(shared: Path, tmp_path: Path) -> None:
    """What a model cannot do without is asked for at its field."""
    for variant in models(shared):
        faults = read_form(FormState(variant.name, ""), tmp_path, variant=variant).faults
        assert set(faults) == set(variant.required), variant.name


def test_an_earlier_clip_fills_the_form_with_nothing_read_again(tmp_path: Path) -> None:
    """Braces in the words of a clip stay braces, and its inputs come back as they were."""
    inputs = {"prompt": "x", "duration": 10, "enable_prompt_expansion": False}
    for prompt in ("a {b|c} {{d}}", "plain", "one\n---\ntwo", "{x: y}", "\\{"):
        state = state_of_clip(find("t2v-standard"), prompt=prompt, inputs=inputs, tags=("a", "b"), name="fox")
        reading = read_form(state, tmp_path, namespace={"d": 1})
        assert reading.asked is not None
        [(request, take)] = requests_of(reading.asked)
        assert (request.prompt, take) == (prompt, 1)
        assert dict(request.inputs) == {**inputs, "prompt": prompt}
        assert (reading.name, reading.tags) == ("fox", ("a", "b"))
        assert state.raw is (prompt != "plain")


def test_the_inputs_of_another_model_come_back_too() -> None:
    """Lists, numbers, texts and switches stand in their fields as one would write them."""
    state = state_of_clip(
        find("wan-t2v"),
        prompt="a fox",
        inputs={"seed": 7, "negative_prompt": "blur", "size": "720*1280", "gone": 1, "duration": 10},
    )
    assert state.inputs == {"seed": "7", "negative_prompt": "blur", "size": "720*1280"}
    assert state.duration == 10
