"""The recipe inside an MP4: it comes back unchanged, and the video stays what it was."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hailuo_nb.media.clip import probe
from hailuo_nb.media.recipe import read, write

ClipMaker = Callable[..., Path]
same_files = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
RECIPE = {
    "prompt": 'ein Füchs 🦊 {a|b}\n"quoted" \\ 雪',
    "inputs": {"duration": 6},
    "none": None,
    "tags": ["a", "b"],
}


def packets_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Give every packet of every stream, with its times."""
    with av.open(str(path)) as container:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for packet in container.demux():
            if packet.size:
                row = (
                    packet.pts,
                    packet.dts,
                    packet.duration,
                    packet.is_keyframe,
                    packet.time_base,
                    bytes(packet),
                )
                found.setdefault(packet.stream.type, []).append(row)
        return found


@pytest.mark.parametrize("audio", [False, True])
@pytest.mark.parametrize("faststart", [False, True])
def test_the_video_is_the_same_packet_for_packet(make_clip: ClipMaker, audio: bool, faststart: bool) -> None:
    """Picture and sound keep their bytes and their times, and the index stands in front."""
    path = make_clip(audio=audio, faststart=faststart, noise=True)
    before, facts = packets_of(path), probe(path)
    assert write(path, RECIPE)
    assert packets_of(path) == before
    after = probe(path)
    assert (after.duration_s, after.frames, after.has_audio) == (
        facts.duration_s,
        facts.frames,
        facts.has_audio,
    )
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert read(path) == RECIPE
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@same_files
@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_any_recipe_comes_back(make_clip: ClipMaker, recipe: dict[str, Any]) -> None:
    """Whatever JSON can hold is read as it was written."""
    path = make_clip(frames=2, size=(64, 64))
    assert write(path, recipe)
    assert read(path) == recipe


@pytest.mark.parametrize(
    "text", ["🦊" * 25_000, "x" * 100_000, "\0\x01\x1f\u2028\ufeff", "\ud800", "</script>;#=\n\\"]
)
def test_long_and_odd_texts_come_back(make_clip: ClipMaker, text: str) -> None:
    """100 kB, emoji, control characters and half a character all survive."""
    path = make_clip(frames=2)
    assert write(path, {"prompt": text})
    assert read(path) == {"prompt": text}


def test_a_recipe_is_replaced_and_the_file_is_the_same_each_time(make_clip: ClipMaker) -> None:
    """Writing again leaves no trace of the first, and equal recipes give equal files."""
    path = make_clip()
    assert write(path, {"prompt": "first"})
    first = path.read_bytes()
    assert write(path, {"prompt": "second"})
    assert b"first" not in path.read_bytes()
    assert write(path, {"prompt": "first"})
    assert path.read_bytes() == first


def test_the_recipe_can_be_read_by_any_player(make_clip: ClipMaker) -> None:
    """It is the file's comment, as readable text."""
    path = make_clip()
    write(path, {"prompt": "Füchs 🦊"})
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == '{"prompt":"Füchs 🦊"}'


@pytest.mark.parametrize("spoil", ["page", "cut", "empty", "missing"])
def test_what_cannot_be_remuxed_stays_as_it_is(make_clip: ClipMaker, spoil: str) -> None:
    """The file keeps its bytes, nothing is left beside it, and the answer is no."""
    path = make_clip()
    data = {"page": b"<html>", "cut": path.read_bytes()[:-50], "empty": b"", "missing": b""}[spoil]
    path.unlink() if spoil == "missing" else path.write_bytes(data)
    assert not write(path, RECIPE)
    assert read(path) is None
    assert [entry.read_bytes() for entry in path.parent.iterdir()] == ([] if spoil == "missing" else [data])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_harms_nothing(make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Whatever the disk refuses, the paid clip is still there and nothing else is."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = make_clip()
    data = path.read_bytes()
    monkeypatch.setattr(os, call, refuse)
    monkeypatch.setattr(Path, "replace", refuse) if call == "replace" else None
    assert not write(path, RECIPE)
    assert [entry.read_bytes() for entry in path.parent.iterdir()] == [data]


@pytest.mark.parametrize("recipe", [{"x": float("nan")}, {"x": object()}, {"x": {1: 2, "1": 3}, "y": b"x"}])
def test_a_recipe_that_json_cannot_hold_harms_nothing(make_clip: ClipMaker, recipe: dict[str, Any]) -> None:
    """The clip stays as it is and the answer is no."""
    path = make_clip()
    data = path.read_bytes()
    assert not write(path, recipe)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "comment", ["made with love", "[1, 2]", "5", '{"a":', "[" * 100_000, '{"a":' * 50_000, ""]
)
def test_a_comment_that_is_no_recipe_is_none(make_clip: ClipMaker, comment: str) -> None:
    """A stranger's comment is not taken for a recipe, however it is meant to hurt."""
    assert read(make_clip(comment=comment)) is None


def test_permissions_stay(make_clip: ClipMaker) -> None:
    """Who may read the clip does not change with its recipe."""
    path = make_clip()
    path.chmod(0o640)
    assert write(path, RECIPE)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_strange_comment_is_replaced_and_the_title_kept(make_clip: ClipMaker) -> None:
    """What the service wrote as comment makes way for the recipe."""
    path = make_clip(comment="service says hello")
    assert write(path, RECIPE)
    assert read(path) == json.loads(json.dumps(RECIPE))
