"""Whether two files are the same clip: by their packets, and by what they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import recipe
from hailuo_nb.media.likeness import alike, is_same_stream
from hailuo_nb.media.worker import answer

ClipMaker = Callable[..., Path]


def test_a_recipe_or_sound_changes_no_picture(make_clip: ClipMaker) -> None:
    """What is written around the pictures does not count; another length, or other pictures, do."""
    bare, sound = make_clip("bare.mp4"), make_clip("sound.mp4", audio=True)
    told = make_clip("told.mp4")
    assert recipe.write(told, {"prompt": "a fox"})
    assert is_same_stream(bare, told)
    assert is_same_stream(bare, sound)
    assert not is_same_stream(bare, make_clip("short.mp4", frames=29))
    assert not is_same_stream(bare, make_clip("other.mp4", noise=True))
    question = {"operation": "same", "path": str(bare), "others": ["nothing.mp4", str(told)]}
    assert answer(question) == {"same": 1}


def test_likeness_is_a_measure_of_what_is_shown(make_clip: ClipMaker) -> None:
    """The same scene in another size is alike; what cannot be read is left out."""
    clips = [make_clip("noise.mp4", noise=True), make_clip("flat.mp4", size=(320, 180)), Path("nothing.mp4")]
    again = make_clip("again.mp4", noise=True)
    ranked = alike(again, clips)
    assert [number for number, _ in ranked] == [0, 1]
    assert ranked[0][1] == pytest.approx(1.0)
    assert abs(ranked[1][1]) < 0.5
    assert (
        answer({"operation": "alike", "path": str(again), "others": list(map(str, clips))})["alike"][0][0]
        == 0
    )


def test_a_file_that_is_no_video_is_said_to_be_none(tmp_path: Path, make_clip: ClipMaker) -> None:
    """Not only that nothing is like it."""
    (tmp_path / "page.mp4").write_bytes(b"<!doctype html>")
    for operation in ("same", "alike"):
        with pytest.raises(ClipInvalid, match="is a web page"):
            answer({"operation": operation, "path": str(tmp_path / "page.mp4"), "others": [str(make_clip())]})
