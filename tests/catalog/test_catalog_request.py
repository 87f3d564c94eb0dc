"""Requests: their hash, their equality, and the naming of every fault."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest, build, hash_of_kept, read_value
from hailuo_nb.catalog.variants import Variant, all_variants, find
from hailuo_nb.errors import InvalidRequest

SHA = "ab" * 32
FILE = ImageRef("file", (("sha256", SHA), ("fit", None)), "fox.png")
FRAME = ImageRef("frame", (("clip", f"simulator:{SHA}:t1:a1"), ("at", "last")), "fox.mp4, last frame")
URL = ImageRef.of_address("https://example.org/fox.png?sig=1")

# These pins hold for ever: a change of one makes every saved clip of its kind a new one, to be paid again.
PINS = [
    (
        ("t2v-standard", {"prompt": "a fox"}),
        (
            '{"inputs":{"duration":6,"enable_prompt_expansion":true,"prompt":"a fox"},'
            '"model":"minimax/hailuo-2.3/t2v-standard","version":"v1"}'
        ),
        "663f628bceb5685f4a2fa18d3349cc54d72791d441044e721b5a0702ca1482d9",
    ),
    (
        ("t2v-pro", {"prompt": " ein Füchs\r\n🦊 \\{x} ", "duration": 6, "expand": False}),
        (
            '{"inputs":{"enable_prompt_expansion":false,"prompt":"ein Füchs\\n🦊 \\\\{x}"},'
            '"model":"minimax/hailuo-2.3/t2v-pro","version":"v1"}'
        ),
        "b17ec772eac3f1c681d7ac3afa73f86dce72c4ebd80383dd80e8f03b99036ec1",
    ),
    (
        ("i2v-pro", {"prompt": None, "image": FILE}),
        '{"inputs":{"enable_prompt_expansion":true,"image":{"fit":null,"sha256":"' + SHA + '"}},'
        '"model":"minimax/hailuo-2.3/i2v-pro","version":"v1"}',
        "f6288d63e7df3e49b772c0b917b62d53488276487675d3543853b449a63bec49",
    ),
    (
        ("fast", {"prompt": "run", "image": FRAME, "duration": 10, "go_fast": False}),
        '{"inputs":{"duration":10,"enable_prompt_expansion":true,"go_fast":false,'
        '"image":{"at":"last","clip":"simulator:' + SHA + ':t1:a1"},"prompt":"run"},'
        '"model":"minimax/hailuo-2.3/fast","version":"v1"}',
        "c57a1e354f934e5f2fb9db4602ab2df50bed357c0c7b462a0a9247a4b681ded2",
    ),
    (
        ("seedance-i2v", {"prompt": "run", "image": URL, "inputs": {"seed": 7.0, "camera_fixed": True}}),
        (
            '{"inputs":{"camera_fixed":true,"duration":5,"image":{"url":"https://example.org/fox.png?sig=1"},'
            '"prompt":"run","seed":7},"model":"bytedance/seedance-v1.5-pro/image-to-video","version":"v1"}'
        ),
        "342689f8c99b2863a9e7820417a3d23907902f3eab5e18f7f2c26b82521a97cc",
    ),
]


def faults_of(name: str, **asked: Any) -> list[str]:
    """Give the faults of a request that must have some."""
    with pytest.raises(InvalidRequest) as caught:
        build(find(name), **{"prompt": "a fox"} | asked)
    return list(caught.value.faults)


@pytest.mark.parametrize(("asked", "canonical", "digest"), PINS)
def test_the_canonical_text_and_its_hash_never_change(
    asked: tuple[str, dict[str, Any]], canonical: str, digest: str
) -> None:
    """Text and hash of a few requests are written down here, letter by letter."""
    request = build(find(asked[0]), **asked[1])
    assert request.canonical() == canonical
    assert request.hash == digest


def test_a_request_shows_what_it_asks() -> None:
    """Prompt, picture and seconds are there, and the inputs cannot be changed."""
    request = build(find("fast"), prompt=" run ", image=FILE, duration=10)
    assert (request.prompt, request.image, request.duration_s) == ("run", FILE, 10)
    assert request.images == {"image": FILE}
    with pytest.raises(TypeError):
        request.inputs["prompt"] = "x"  # type: ignore[index]
    assert build(find("t2v-pro"), prompt="x").duration_s == 6
    assert build(find("i2v-pro"), prompt="", image=FILE).prompt == ""


def test_prompt_expansion_is_always_sent() -> None:
    """Where a variant has it, the request states it, by its default if nobody did."""
    for variant in all_variants():
        image = FILE if variant.takes_image else None
        sent = build(variant, prompt="x", image=image).inputs
        assert ("enable_prompt_expansion" in sent) is variant.has("enable_prompt_expansion")
        assert sent.get("enable_prompt_expansion") is variant.default("enable_prompt_expansion")
        assert sent.get("go_fast") is variant.default("go_fast")
        assert sent.get("duration") == variant.default("duration")


def test_other_defaults_are_not_sent() -> None:
    """The service's own defaults stay its own until somebody sets them."""
    assert set(build(find("wan-t2v"), prompt="x").inputs) == {"prompt", "duration", "enable_prompt_expansion"}
    assert build(find("wan-t2v"), prompt="x", inputs={"seed": -1}).inputs["seed"] == -1


@given(
    st.permutations([("seed", 3), ("resolution", "480p"), ("camera_fixed", True), ("aspect_ratio", "1:1")])
)
def test_the_order_of_inputs_does_not_count(pairs: list[tuple[str, Any]]) -> None:
    """However inputs are ordered, it is the same request with the same hash."""
    first = build(find("seedance-t2v"), prompt="x", inputs=dict(sorted(pairs)))
    second = build(find("seedance-t2v"), prompt="x", inputs=dict(pairs))
    assert first == second
    assert (hash(first), first.hash) == (hash(second), second.hash)


@given(
    st.tuples(
        st.sampled_from(["a", "b", "a\n"]),
        st.sampled_from([None, 6, 10]),
        st.sampled_from([None, True, False]),
    ),
    st.tuples(
        st.sampled_from(["a", "b", "a\n"]),
        st.sampled_from([None, 6, 10]),
        st.sampled_from([None, True, False]),
    ),
)
def test_requests_are_equal_when_the_same_would_be_sent(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    """Equality, hash and what is sent agree, for any two requests."""
    first, second = (
        build(find("t2v-standard"), prompt=prompt, duration=duration, expand=expand)
        for prompt, duration, expand in (a, b)
    )
    same = dict(first.inputs) == dict(second.inputs)
    assert (first == second) is same
    assert (first.hash == second.hash) is same
    assert (len({first, second}) == 1) is same


def test_name_and_place_of_a_picture_do_not_count() -> None:
    """A picture is known by what it is: moved or renamed, it is the same request."""
    moved = ImageRef("file", FILE.identity, "other.png", path=Path("x"), data=b"1", content_type="image/png")
    assert build(find("i2v-pro"), prompt="x", image=FILE) == build(find("i2v-pro"), prompt="x", image=moved)
    fitted = ImageRef("file", (("sha256", SHA), ("fit", "pad")), "fox.png")
    assert build(find("i2v-pro"), prompt="x", image=FILE) != build(find("i2v-pro"), prompt="x", image=fitted)


def test_the_name_of_a_variant_does_not_count() -> None:
    """The short name and the model id ask for the same clip; two models never do."""
    request = build(find("t2v-pro"), prompt="x")
    twin = GenerationRequest("minimax/hailuo-2.3/t2v-pro", request.model_id, request.inputs)
    assert request == twin
    assert request != build(find("02-t2v-pro"), prompt="x")
    assert request != "x"


@pytest.mark.parametrize("ten", [10.0, np.int64(10), np.float64(10)])
def test_equal_numbers_are_one_request(ten: Any) -> None:
    """Ten is ten, from a literal or from a data frame."""
    request = build(find("t2v-standard"), prompt="x", duration=ten)
    assert request == build(find("t2v-standard"), prompt="x", duration=10)


def test_the_only_length_of_a_variant_may_be_asked_for() -> None:
    """It is accepted everywhere, and sent only where there is such an input."""
    assert "duration" not in build(find("t2v-pro"), prompt="x", duration=6).inputs
    assert build(find("fast-pro"), prompt="x", image=FILE, duration=6).inputs["duration"] == 6
    assert "duration" not in build(find("t2v-pro"), prompt="x", inputs={"duration": 6}).inputs


def test_the_ledger_gets_no_signature() -> None:
    """Inputs as kept are plain JSON, with a picture's label and identity, and no query of an address."""
    request = build(find("fast"), prompt="x", image=URL)
    kept = json.loads(json.dumps(request.ledger_inputs()))
    assert kept["image"]["image"] == kept["image"]["url"] == "https://example.org/fox.png"
    assert len(kept["image"]["url_sha256"]) == 64
    assert "sig" not in json.dumps(kept)
    kept = build(find("fast"), prompt="x", image=FRAME).ledger_inputs()
    assert kept["image"] == {"image": "fox.mp4, last frame", "clip": f"simulator:{SHA}:t1:a1", "at": "last"}


@pytest.mark.parametrize(
    "image", [None, FILE, FRAME, ImageRef.of_address("https://example.org/fox.png"), URL]
)
@pytest.mark.parametrize("prompt", ["a fox", 'ein "Füchs"\r\n🦊 {x}'])
def test_the_hash_follows_from_what_is_kept(image: ImageRef | None, prompt: str) -> None:
    """A stranger's row can be held against its own inputs; not where a signature was cut off."""
    request = build(find("t2v-pro" if image is None else "fast"), prompt=prompt, image=image)
    kept = json.loads(json.dumps(request.ledger_inputs()))
    assert hash_of_kept(request.model_id, kept) == (None if image is URL else request.hash)
    assert hash_of_kept("another/model", kept) != request.hash
    assert hash_of_kept(request.model_id, {**kept, "prompt": "another"}) != request.hash


def test_every_fault_is_named_at_once() -> None:
    """One error names each fault in a line of its own, with what is right."""
    faults = faults_of(
        "t2v-pro",
        prompt="",
        duration=10,
        image=FILE,
        go_fast=True,
        inputs={"enable_prompt_expansio": True, "seed": 2, "webhook": "https://x.org", 5: 1, "nonsense": 1},
    )
    assert faults == [
        "the name of an input must be text, not 5",
        "the prompt is missing: t2v-pro needs a text that says what the clip shows",
        "t2v-pro takes no image; i2v-pro, i2v-standard and fast do",
        "t2v-pro makes 6 s, not 10; 10 s: t2v-standard, 02-t2v-standard and seedance-t2v",
        "t2v-pro takes no go_fast; fast, fast-pro and 02-fast do",
        't2v-pro has no input "enable_prompt_expansio"; did you mean "enable_prompt_expansion"?',
        't2v-pro has no input "seed"; seedance-t2v, seedance-i2v and wan-t2v have it',
        "webhook cannot be set: clips are always fetched by polling; drop it",
        't2v-pro has no input "nonsense"; it takes prompt, enable_prompt_expansion',
    ]


@pytest.mark.parametrize(
    ("name", "asked", "fault"),
    [
        (
            "t2v-pro",
            {"prompt": "x" * 2001},
            "the prompt is 2001 characters long; t2v-pro takes at most 2000: cut 1",
        ),
        (
            "t2v-pro",
            {"prompt": None},
            "the prompt is missing: t2v-pro needs a text that says what the clip shows",
        ),
        ("t2v-pro", {"prompt": "a\0b"}, "the prompt holds a NUL character; remove it"),
        (
            "t2v-pro",
            {"prompt": "a\ud800"},
            "the prompt holds half of a character (a lone surrogate) at position 1; remove it",
        ),
        ("t2v-pro", {"prompt": 5}, "prompt must be text, not 5"),
        ("t2v-pro", {"expand": "yes"}, 'enable_prompt_expansion must be true or false, not "yes"'),
        (
            "i2v-pro",
            {},
            "the image is missing: i2v-pro starts from a picture; give --image (image= in Python)",
        ),
        ("i2v-pro", {"image": b"x"}, "image must be a picture, not a bytes"),
        (
            "i2v-pro",
            {"image": "fox.png"},
            (
                'image "fox.png": not a web address: it starts with https:// and names a host; '
                "a file goes by image= (--image in a cell)"
            ),
        ),
        ("t2v-standard", {"duration": 8}, "t2v-standard makes 6 or 10 s, not 8; 8 s: seedance-t2v"),
        ("t2v-standard", {"duration": True}, "duration must be a number of seconds, not true"),
        ("t2v-standard", {"duration": "10"}, 'duration must be a number of seconds, not "10"'),
        ("t2v-standard", {"duration": 10**400}, "duration is too large a number"),
        ("seedance-t2v", {"duration": 5.5}, "seedance-t2v makes 4 to 12 s, not 5.5"),
        (
            "t2v-standard",
            {"duration": 6, "inputs": {"duration": 6}},
            "duration is given twice, by --duration and among the inputs; drop one",
        ),
        (
            "t2v-standard",
            {"inputs": {"prompt": "y"}},
            "prompt is given twice, by the prompt and among the inputs; drop one",
        ),
        ("t2v-standard", {"inputs": [1]}, "inputs must be a mapping of names to values, not a list"),
        (
            "seedance-t2v",
            {"inputs": {"resolution": "1080"}},
            'resolution must be "480p", "720p" or "1080p", not "1080"; did you mean "1080p"?',
        ),
        ("seedance-t2v", {"inputs": {"seed": "x"}}, 'seed must be a whole number, not "x"'),
        ("seedance-t2v", {"inputs": {"seed": True}}, "seed must be a whole number, not true"),
        ("seedance-t2v", {"inputs": {"seed": float("nan")}}, "seed is not a finite number"),
        ("seedance-t2v", {"inputs": {"seed": Decimal(1)}}, "seed is a Decimal, which cannot be sent"),
        (
            "t2v-pro",
            {"inputs": {"enable_sync_mode": True}},
            "enable_sync_mode cannot be set: clips are always fetched by polling; drop it",
        ),
    ],
)
def test_a_fault_says_what_is_right(name: str, asked: dict[str, Any], fault: str) -> None:
    """Each kind of fault has its sentence."""
    assert faults_of(name, **asked) == [fault]


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "length": ({"duration": 11}, {}, "not 11"),
    "prompt": ({"prompt": "x" * 2500}, {}, "2500"),
    "image": ({"image": FILE}, {}, "takes no image"),
    "speed": ({"go_fast": True}, {}, "go_fast"),
    "expansion": ({"expand": 3}, {}, "enable_prompt_expansion must"),
    "webhook": ({}, {"webhook": "x"}, "webhook"),
    "unknown": ({}, {"promt": "x"}, 'did you mean "prompt"'),
    "seed": ({}, {"seed": 1}, 'no input "seed"'),
}


@given(st.sets(st.sampled_from(sorted(FAULTS)), min_size=1))
def test_every_combination_of_faults_is_named(chosen: set[str]) -> None:
    """As many lines as faults, each about its own, and the message holds them all."""
    asked: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    for name in chosen:
        asked |= FAULTS[name][0]
        inputs |= FAULTS[name][1]
    faults = faults_of("t2v-standard", inputs=inputs, **asked)
    assert len(faults) == len(chosen)
    for name in chosen:
        assert sum(FAULTS[name][2] in fault for fault in faults) == 1, name


TEXT = st.text(st.characters(codec=None), max_size=30)
JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=10**5000, max_value=10**5001),
        st.floats(),
        TEXT,
        st.binary(max_size=5),
        st.decimals(),
        st.fractions(),
        st.complex_numbers(),
        st.just(object()),
        st.just(FILE),
        st.builds(ImageRef, TEXT, st.just((("url", "\ud800"),)), TEXT),
        st.just(ImageRef("file", "xy", "odd")),  # type: ignore[arg-type]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KNOWN = sorted({name for variant in all_variants() for name in variant.inputs})


NAMES = st.sampled_from(KNOWN) | TEXT | st.integers() | st.none()
OPTIONS = st.fixed_dictionaries(
    {"prompt": JUNK | st.just("a fox")},
    optional={
        "image": JUNK,
        "duration": JUNK,
        "expand": JUNK,
        "go_fast": JUNK,
        "inputs": JUNK | st.dictionaries(NAMES, JUNK, max_size=4),
    },
)


@given(st.sampled_from(all_variants()), OPTIONS)
@example(find("wan-t2v"), {"prompt": "x", "inputs": {"seed": 10**5000}})
@example(find("wan-t2v"), {"prompt": "x", "inputs": {"audio": "\ud800"}})
def test_nothing_but_an_invalid_request_is_raised(variant: Variant, asked: dict[str, Any]) -> None:
    """Whatever is asked, it is refused in printable lines, or it can be hashed and sent."""
    try:
        request = build(variant, **asked)
    except InvalidRequest as error:
        faults = error.faults
    else:
        assert len(request.hash) == 64
        json.dumps(request.ledger_inputs(), allow_nan=False)
        return
    assert faults
    assert all(fault.isprintable() and 0 < len(fault) < 400 for fault in faults)


def test_a_list_that_holds_itself_is_refused() -> None:
    """A cycle ends in a fault and not in a crash."""
    cycle: list[Any] = []
    cycle.append(cycle)
    assert faults_of("wan-t2v", inputs={"seed": cycle}) == ["seed is nested too deeply"]


@given(st.sampled_from(all_variants()), st.randoms(use_true_random=False))
def test_what_is_built_fits_the_published_schema(variant: Variant, chance: random.Random) -> None:
    """Any choice of offered values is accepted, and what is sent satisfies the service's schema."""
    inputs: dict[str, Any] = {}
    for name, facts in variant.schema["properties"].items():
        if name in ("prompt", "image") or chance.random() < 0.5:
            continue
        choices = (
            facts.get("enum")
            or {
                "integer": [facts.get("minimum", 3), facts.get("maximum", 9)],
                "boolean": [True, False],
                "string": ["https://example.org/a.png"],
            }[facts["type"]]
        )
        inputs[name] = chance.choice(choices)
    request = build(variant, prompt="x", image=URL if variant.takes_image else None, inputs=inputs)
    sent = {n: "https://example.org/up" if isinstance(v, ImageRef) else v for n, v in request.inputs.items()}
    Draft202012Validator(dict(variant.schema)).validate(sent)
    assert {name: sent[name] for name in inputs if name not in request.images} == {
        name: value for name, value in inputs.items() if name not in request.images
    }


@given(st.text(max_size=50))
def test_a_prompt_goes_byte_for_byte(text: str) -> None:
    """Only its ends and its line ends are touched."""
    text = text.replace("\0", "").replace("\r", "").strip() or "x"
    assert build(find("t2v-pro"), prompt=text).prompt == text
    assert build(find("t2v-pro"), prompt=f"  {text}\r\n").prompt == text


def test_pictures_beside_the_first_become_part_of_the_request() -> None:
    """An address among the inputs is a picture where the input is one."""
    request = build(
        find("02-i2v-pro"), prompt="x", image=FILE, inputs={"end_image": "https://example.org/e.png"}
    )
    assert set(request.images) == {"image", "end_image"}
    assert request.ledger_inputs()["end_image"]["url"] == "https://example.org/e.png"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "7", 7),
        ("seed", "x", "x"),
        ("camera_fixed", "true", True),
        ("camera_fixed", " No ", False),
        ("camera_fixed", "maybe", "maybe"),
        ("resolution", "480", "480"),
        ("unknown", "1", "1"),
        ("seed", "[" * 100_000, "[" * 100_000),
    ],
)
def test_text_of_an_option_becomes_what_the_input_is(name: str, text: str, value: object) -> None:
    """``--set`` gives numbers to numbers and text to text; what cannot be read stays text and gets its fault."""
    assert read_value(find("seedance-t2v"), name, text) == value
