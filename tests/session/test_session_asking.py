"""What a Python call may say, and what it is told when that means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.session.asking import asked_from, name_of, read_usd, tags_of, whole


def asked(prompt: object = "a fox", variant: object = None, **options: Any) -> Any:
    """Read the arguments of a call."""
    return asked_from(Path(), "t2v-standard", prompt, variant, **options)


def test_what_python_users_write() -> None:
    """Single values and several, ranges and numpy's numbers, one group of axes or more."""
    import numpy as np

    assert asked().variants == ("t2v-standard",)
    assert asked(variant="fast").variants == ("fast",)
    assert asked(variant=["fast", "fast-pro"]).variants == ("fast", "fast-pro")
    assert asked().durations == (None,)
    assert asked(duration=6).durations == (6,)
    assert asked(duration=(6, None)).durations == (6, None)
    assert asked(duration=np.array([6, 10])).durations == (6, 10)
    assert asked(duration=range(6, 8)).durations == (6, 7)
    assert asked(takes=np.int64(3)).takes == 3
    assert asked(zip=["a", "b"]).zips == (("a", "b"),)
    assert asked(zip="a, b").zips == (("a", "b"),)
    assert asked(zip=[("a", "b"), ["c", "d"]]).zips == (("a", "b"), ("c", "d"))
    assert asked(sample=3, seed=7).sample == 3


BAD: dict[str, Any] = {
    "takes": [0, -1, 1.5, "2", True, None, 10**9],
    "duration": ["6", 6.5, [], [6, "x"], True, {"a": 1}],
    "variant": [[], 3, [3], {"a": 1}],
    "vary": [["a"], "a", {3: ["a"]}],
    "inputs": [["a"], "a=1"],
    "zip": [["a"], 3, [["a", "b"], "c"], "a", [[1, 2]]],
    "sample": [0, "3", 1.5],
    "seed": [-1, "x"],
    "image": [3, ["a.png"], object()],
    "prompt": [None, 3, ["a fox", "an owl"]],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_what_means_nothing_is_one_line(name: str, value: Any) -> None:
    """The argument is named with what it takes; nothing is guessed from it."""
    with pytest.raises(InvalidRequest) as caught:
        asked(**{name: value})
    text = str(caught.value)
    assert name.removesuffix("s") in text.lower()
    assert "\n" not in text
    assert len(text) < 300


def test_every_argument_is_named_at_once() -> None:
    """Several mistakes are one error."""
    with pytest.raises(InvalidRequest) as caught:
        asked(takes=0, duration="6", zip=3)
    assert len(caught.value.faults) == 3


def test_names_and_tags() -> None:
    """One text is one tag, not its letters; what cannot be shown in one line is refused."""
    assert tags_of("draft") == ("draft",)
    assert tags_of(["a", " b ", "a", ""]) == ("a", "b")
    assert name_of(" hero ") == "hero"
    assert name_of(None) is name_of("") is None
    for bad in (3, "a\nb", "x" * 81, "\u202eabc"):
        with pytest.raises(InvalidRequest, match="name"):
            name_of(bad)
        with pytest.raises(InvalidRequest, match="tag"):
            tags_of([bad])
    with pytest.raises(InvalidRequest, match="tags"):
        tags_of(3)


def test_numbers_and_sums() -> None:
    """Floats as people write them become exact; what is no sum is refused."""
    assert str(read_usd(0.1, "max_cost")) == "0.1"
    assert str(read_usd(" $2.50 ", "max_cost")) == "2.50"
    for bad in ("", "-1", "nan", "inf", None, True):
        with pytest.raises(InvalidRequest, match="max_cost"):
            read_usd(bad, "max_cost")
    assert whole(0, "seed", least=0) == 0
