"""The catalogue against what the service publishes, and variants made from the service's own list."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import table_quote
from hailuo_nb.catalog.request import build
from hailuo_nb.catalog.variants import Variant, all_variants, find, from_service, looks_like_model_id
from hailuo_nb.errors import InvalidRequest, UnknownVariant

NAMES = [
    *("t2v-standard", "t2v-pro", "i2v-standard", "i2v-pro", "fast", "fast-pro"),
    *("02-t2v-standard", "02-t2v-pro", "02-i2v-standard", "02-i2v-pro", "02-fast"),
    *("seedance-t2v", "seedance-i2v", "wan-t2v", "wan-i2v"),
]
HAILUO_23 = NAMES[:6]


@pytest.fixture
def published(shared: Path) -> dict[str, dict[str, Any]]:
    """Give the service's own list of models, by id."""
    entries = json.loads((shared / "wavespeed" / "models.json").read_text("utf-8"))["data"]
    return {entry["model_id"]: entry for entry in entries}


def schema_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Give the published schema of an entry."""
    return entry["api_schema"]["api_schemas"][0]["request_schema"]


def facts_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Give what a schema says, without descriptions and hints for forms."""
    left_out = ("description", "items")
    return {
        name: {k: v for k, v in facts.items() if k not in left_out and not k.startswith("x-")}
        for name, facts in schema["properties"].items()
    }


def entry_of(**changes: Any) -> dict[str, Any]:
    """Give a small entry as the service lists them."""
    properties = {"prompt": {"type": "string", "maxLength": 50}, "seed": {"type": "integer", "default": -1}}
    entry = {
        "model_id": "some/model/t2v",
        "type": "text-to-video",
        "base_price": 0.125,
        "api_schema": {
            "api_schemas": [
                {"request_schema": {"type": "object", "properties": properties, "required": ["prompt"]}}
            ]
        },
    }
    return entry | changes


def test_the_catalogue_has_its_variants_in_order() -> None:
    """The six of Hailuo 2.3 come first, then the others, each once."""
    assert [variant.name for variant in all_variants()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_is_what_the_service_publishes(name: str, published: dict[str, dict[str, Any]]) -> None:
    """Properties, types, choices, defaults, limits and what is required are the service's own."""
    variant = find(name)
    entry = published[variant.model_id]
    schema = schema_of(entry)
    assert facts_of(dict(variant.schema)) == facts_of(schema)
    assert set(variant.required) == set(schema["required"])
    assert variant.schema["additionalProperties"] is schema["additionalProperties"] is False
    assert variant.kind == entry["type"]


@pytest.mark.parametrize("name", NAMES)
def test_the_base_price_is_the_services(name: str, published: dict[str, dict[str, Any]]) -> None:
    """What the table says for the default inputs is what the service lists."""
    variant = find(name)
    quote = table_quote(variant, build(variant, prompt="a fox", image=picture(variant)))
    assert quote.usd == Decimal(str(published[variant.model_id]["base_price"]))
    assert quote.as_of == "2026-08-18"


def test_descriptions_are_our_own(published: dict[str, dict[str, Any]]) -> None:
    """No text of the service is copied."""
    theirs = {
        facts.get("description")
        for entry in published.values()
        for facts in schema_of(entry)["properties"].values()
    }
    ours = {
        facts["description"] for variant in all_variants() for facts in variant.schema["properties"].values()
    }
    assert not ours & theirs
    assert all(len(text) < 120 for text in ours)


@pytest.mark.parametrize(
    ("name", "picture_text", "size", "lengths", "prices", "typical"),
    [
        ("t2v-standard", "768p", (1366, 768), (6, 10), ["0.28", "0.56"], (30.0, 90.0)),
        ("t2v-pro", "1080p", (1920, 1080), (6,), ["0.49"], (40.0, 70.0)),
        ("i2v-standard", "768p", (1366, 768), (6, 10), ["0.28", "0.56"], None),
        ("i2v-pro", "1080p", (1920, 1080), (6,), ["0.49"], None),
        ("fast", "768p", (1366, 768), (6, 10), ["0.19", "0.32"], (20.0, 50.0)),
        ("fast-pro", "1080p", (1920, 1080), (6,), ["0.33"], None),
    ],
)
def test_the_six_variants_are_as_documented(
    name: str,
    picture_text: str,
    size: tuple[int, int],
    lengths: tuple[int, ...],
    prices: list[str],
    typical: tuple[float, float] | None,
) -> None:
    """Picture, lengths, prices with source and date, and typical time are those of the reference."""
    variant = find(name)
    assert (variant.picture, variant.size, variant.lengths_s) == (picture_text, size, lengths)
    assert [price.usd for price in variant.prices] == [Decimal(usd) for usd in prices]
    assert [price.as_of for price in variant.prices] == ["2026-08-18", "2026-11-22"][: len(prices)]
    assert all(price.source for price in variant.prices)
    assert variant.typical_s == typical
    assert bool(variant.typical_source) is (typical is not None)


def test_a_variant_tells_about_its_inputs() -> None:
    """Pictures, defaults and lengths are asked of the variant, not of its schema."""
    pro, seedance = find("t2v-pro"), find("seedance-i2v")
    assert (pro.takes_image, pro.needs_image, pro.has("duration")) == (False, False, False)
    assert (seedance.takes_image, seedance.needs_image) == (True, True)
    assert (seedance.default("duration"), seedance.default("aspect_ratio"), seedance.default("no")) == (
        5,
        None,
        None,
    )
    assert (pro.length_s({}), seedance.length_s({}), seedance.length_s({"duration": 12})) == (6, 5, 12)


@pytest.mark.parametrize(
    ("name", "inputs", "size"),
    [
        ("t2v-pro", {}, (1920, 1080)),
        ("wan-t2v", {}, (1280, 720)),
        ("wan-t2v", {"size": "1080*1920"}, (1080, 1920)),
        ("wan-i2v", {"resolution": "1080p"}, (1920, 1080)),
        ("seedance-t2v", {"aspect_ratio": "1:1"}, (960, 960)),
        ("seedance-t2v", {"aspect_ratio": "9:16"}, (720, 1280)),
        ("seedance-t2v", {"resolution": "480p"}, (854, 480)),
        ("seedance-t2v", {"aspect_ratio": "0:9"}, (1280, 720)),
    ],
)
def test_the_size_follows_the_inputs(name: str, inputs: dict[str, Any], size: tuple[int, int]) -> None:
    """Resolution, size and aspect ratio are all considered, and sizes are even."""
    assert find(name).size_for(inputs) == size


def test_a_variant_is_found_by_short_name_and_by_id() -> None:
    """Both names lead to the same variant."""
    assert find("t2v-pro") is find("minimax/hailuo-2.3/t2v-pro")


@pytest.mark.parametrize(
    ("typed", "meant"), [("t2v-por", "t2v-pro"), ("T2V-PRO", "t2v-pro"), ("wan_i2v", "wan-i2v")]
)
def test_a_wrong_name_gets_the_nearest(typed: str, meant: str) -> None:
    """The message names what was probably meant, and that any full model id works."""
    with pytest.raises(UnknownVariant, match=f'did you mean "{meant}"') as caught:
        find(typed)
    assert 'full model id "a/b/c"' in str(caught.value)


@given(st.one_of(st.text(), st.none(), st.integers(), st.binary()))
def test_an_unknown_name_never_crashes(name: Any) -> None:
    """Whatever is typed, the answer is one printable line."""
    if name in NAMES:
        return
    with pytest.raises(UnknownVariant) as caught:
        find(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("minimax/hailuo-2.3/t2v-pro", True),
        ("a/b", True),
        ("t2v-pro", False),
        ("a/../b", False),
        ("/a/b", False),
        ("a/b/", False),
        ("a/b?x=1", False),
        ("a/b c", False),
        ("a/b\n", False),
        ("https://a/b", False),
        ("a/" * 9 + "b", False),
        ("", False),
    ],
)
def test_model_ids_are_recognised(name: str, is_one: bool) -> None:
    """Only what can stand in the service's path counts as a model id."""
    assert looks_like_model_id(name) is is_one


def test_every_video_model_of_the_service_works(published: dict[str, dict[str, Any]]) -> None:
    """Each entry becomes a variant that takes a request and knows its price."""
    for model_id, entry in published.items():
        variant = from_service(entry, as_of="2026-08-18")
        given_inputs = {
            n: ["https://x.org/1"] if n.endswith("s") else "https://x.org/1" for n in variant.required
        }
        inputs = {n: v for n, v in given_inputs.items() if n not in ("prompt", "image")}
        request = build(variant, prompt="a fox", image=picture(variant), inputs=inputs)
        assert request.model_id == variant.model_id == model_id
        assert table_quote(variant, request).usd == Decimal(str(entry["base_price"])), model_id
        assert facts_of(dict(variant.schema)) == facts_of(schema_of(entry))
        assert request.duration_s > 0


def test_a_known_model_of_the_service_keeps_its_name_and_table(published: dict[str, dict[str, Any]]) -> None:
    """The service's list does not take away what the catalogue knows beyond it."""
    fresh, known = from_service(published["minimax/hailuo-2.3/t2v-standard"]), find("t2v-standard")
    assert (fresh.name, fresh.lengths_s, fresh.size, fresh.prices) == (
        *(known.name, known.lengths_s, known.size),
        known.prices,
    )


def test_a_changed_base_price_drops_the_old_table(published: dict[str, dict[str, Any]]) -> None:
    """A price that the service changed is not mixed with older ones."""
    entry = published["minimax/hailuo-2.3/t2v-standard"] | {"base_price": 0.3}
    fresh = from_service(entry, as_of="2026-12-01")
    assert [(price.usd, price.as_of) for price in fresh.prices] == [(Decimal("0.3"), "2026-12-01")]


def test_an_unknown_model_keeps_its_id_as_name() -> None:
    """There is no short name, so the id is what one types, and what it does not say stays unknown."""
    variant = from_service(entry_of())
    assert (variant.name, variant.lengths_s, variant.size) == ("some/model/t2v", (), None)
    assert variant.length_s({}) == 0
    assert variant.prices[0].usd == Decimal("0.125")


@pytest.mark.parametrize(
    ("kind", "is_video"),
    [
        ("text-to-video", True),
        ("image-to-video", True),
        ("video-extend", True),
        ("video-to-video", True),
        ("text-to-image", False),
        ("video-to-text", False),
        ("video-to-audio", False),
        ("", False),
        (None, False),
    ],
)
def test_only_models_that_make_video_are_taken(kind: str | None, is_video: bool) -> None:
    """A model of another kind is refused with its kind."""
    if is_video:
        assert from_service(entry_of(type=kind)).kind == kind
    else:
        with pytest.raises(InvalidRequest, match="makes no video"):
            from_service(entry_of(type=kind))


def test_a_published_schema_cannot_reach_out() -> None:
    """References and patterns are dropped: nothing is fetched, nothing takes for ever."""
    entry = entry_of()
    properties = entry["api_schema"]["api_schemas"][0]["request_schema"]["properties"]
    properties["seed"] = {"$ref": "http://127.0.0.1:9/schema.json"}
    properties["prompt"]["pattern"] = "(a+)+$"
    variant = from_service(entry)
    assert variant.schema["properties"]["seed"] == {}
    assert build(variant, prompt="a" * 40 + "!", inputs={"seed": "x"}).prompt == "a" * 40 + "!"


@pytest.mark.parametrize("price", [None, "free", True, float("nan"), -1, 0, 1e9, [], "1e-999999999999"])
def test_an_unusable_base_price_is_no_price(price: Any) -> None:
    """A price is known or unknown, never guessed."""
    assert from_service(entry_of(base_price=price)).prices == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WORDS = ("type", "enum", "default", "minimum", "maximum", "maxLength", "items", "description")


@given(
    st.dictionaries(
        st.sampled_from(["prompt", "duration", "size", "resolution", "aspect_ratio", "seed"]),
        st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4) | JSON,
        max_size=4,
    ),
    JSON,
)
def test_a_hostile_schema_is_refused_or_understood(properties: dict[str, Any], required: Any) -> None:
    """Whatever the service publishes, the answer is a variant that checks requests, or an InvalidRequest."""
    schema = {"properties": properties, "required": required}
    with contextlib.suppress(InvalidRequest):
        variant = from_service(entry_of(api_schema={"api_schemas": [{"request_schema": schema}]}))
        build(variant, prompt="a fox", duration=5, inputs={"seed": 1, "size": "x"})


@given(JSON)
def test_a_hostile_entry_is_refused(entry: Any) -> None:
    """An answer that is no model gets a line, not a stack."""
    with pytest.raises(InvalidRequest):
        from_service(entry)


def test_looking_into_the_catalogue_loads_no_library() -> None:
    """Listing variants is quick: the schema library waits for the first request."""
    code = (
        "import sys; from hailuo_nb.catalog.variants import find; find('t2v-pro')\n"
        "import hailuo_nb.catalog.request, hailuo_nb.catalog.quotes\n"
        "sys.exit(any(name in sys.modules for name in ('jsonschema_rs', 'av', 'PIL', 'numpy', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def picture(variant: Variant) -> ImageRef | None:
    """Give a picture to a variant that takes one."""
    return ImageRef.of_address("https://example.org/fox.png") if variant.takes_image else None
