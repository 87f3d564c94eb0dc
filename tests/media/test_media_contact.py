"""Contact sheets: exact frames, any text, and pages of bounded size."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import contact
from hailuo_nb.media.worker import answer

ClipMaker = Callable[..., Path]


def level_of(index: int) -> int:
    """Give the grey by which `make_clip` marks a frame."""
    return 30 + (index * 37) % 190


def opened(data: bytes) -> Any:
    """Give a picture's pixels."""
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"), dtype=int)


def page(cells: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Give a page with one row of cells."""
    rows = [{"head": "a row", "cells": cells}]
    whole = {"title": "a title", "foot": "", "strip": (100, 40), "bands": [{"columns": ["a"], "rows": rows}]}
    return whole | changes


def cell(strip: str | None, caption: str = "", words: str = "") -> dict[str, Any]:
    """Give a cell with one clip."""
    return {"strips": [strip], "captions": [caption], "words": [words]}


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_a_strip_holds_exactly_the_frames_it_says(make_clip: ClipMaker, count: int) -> None:
    """The first, the last, and those evenly between; the middle one where there is only one."""
    path = make_clip(frames=30)
    pixels = opened(contact.strip(path, count, (32, 18)))
    assert pixels.shape == (18, count * 32 + (count - 1) * 2, 3)
    wanted = contact.targets(30, count)
    assert wanted == {1: [14], 2: [0, 29], 4: [0, 10, 19, 29]}.get(count, wanted)
    found = [pixels[9, place * 34 + 16, 0] for place in range(count)]
    assert found == pytest.approx([level_of(at) for at in wanted], abs=4)


def test_a_clip_with_fewer_frames_repeats_them(make_clip: ClipMaker) -> None:
    """Two frames on a strip of four."""
    pixels = opened(contact.strip(make_clip(frames=2), 4, (32, 18)))
    found = [pixels[9, place * 34 + 16, 0] for place in range(4)]
    assert found == pytest.approx([level_of(at) for at in (0, 0, 1, 1)], abs=4)


def test_another_shape_keeps_it(make_clip: ClipMaker) -> None:
    """A tall clip stands in the middle of its room, with white beside it."""
    pixels = opened(contact.strip(make_clip(size=(90, 160), frames=3), 1, (160, 90)))
    assert pixels[45, 80].tolist() != [255, 255, 255]
    assert pixels[45, 5].tolist() == pixels[45, 154].tolist() == [255, 255, 255]


def test_frames_are_counted_where_no_header_tells(make_clip: ClipMaker) -> None:
    """In Matroska."""
    path = make_clip("clip.webm", form="webm", codec="libvpx-vp9", frames=9)
    pixels = opened(contact.strip(path, 3, (32, 18)))
    found = [pixels[9, place * 34 + 16, 0] for place in range(3)]
    assert found == pytest.approx([level_of(at) for at in (0, 4, 8)], abs=6)


def test_what_is_no_video_has_no_strip(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "clip.mp4").write_bytes(b"<html>")
    with pytest.raises(ClipInvalid):
        contact.strip(tmp_path / "clip.mp4", 2, (32, 18))


def test_a_sheet_holds_strips_and_keeps_the_place_of_missing_clips(make_clip: ClipMaker) -> None:
    """The strip's own pixels, and a grey place with its word."""
    strip = contact.strip(make_clip(frames=4), 3, (32, 18))
    data = base64.b64encode(strip).decode()
    pixels = opened(contact.draw(page([cell(data), cell(None, words="failed")], strip=(100, 18))))
    inside = opened(strip)
    places = [
        (down, across)
        for down in range(pixels.shape[0] - 18)
        for across in range(pixels.shape[1] - 100)
        if (pixels[down : down + 18, across : across + 100] == inside).all()
    ]
    assert len(places) == 1
    assert (pixels == (232, 232, 236)).all(axis=2).sum() > 500


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_can_stand_on_a_sheet(text: str, word: str) -> None:
    """No letter of any script, nor half of a pair, nor a line break makes it fail or grow without end."""
    made = page([cell(None, text, word)], title=text, foot=word)
    made["bands"][0]["columns"] = [word]
    made["bands"][0]["rows"][0]["head"] = text
    pixels = opened(contact.draw(made))
    assert pixels.shape[0] < 220


@pytest.mark.parametrize(
    "text", ["狐が川を渡る、夜明け", "лиса пересекает реку", "ثعلب يعبر", "🦊 \ud800 \x00 \u202e"]
)
def test_other_scripts_do_not_crash(text: str) -> None:
    """With whatever font there is, also without a wider one."""
    contact.draw(page([cell(None, text, text)], title=text, foot=text))


def test_a_font_that_knows_latin_only_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a Pillow without FreeType."""
    from PIL import ImageFont

    monkeypatch.setattr(contact, "_font", lambda _: ImageFont.load_default_imagefont())
    contact.draw(page([cell(None, "狐 fox", "狐")], title="狐"))


def test_long_words_and_lines_are_cut_with_an_ellipsis() -> None:
    """Within their width, in at most so many lines."""
    lines = contact._wrapped("one two three four five six seven eight nine ten " * 5, 120, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(contact._length(line) <= 120 for line in lines)
    (word,) = contact._wrapped("x" * 400, 100, 1)
    assert word.endswith("…")
    assert contact._wrapped("", 100, 2) == []


def test_the_worker_cuts_strips_and_draws_sheets(make_clip: ClipMaker) -> None:
    """As JSON can carry it."""
    made = answer({"operation": "strip", "path": str(make_clip()), "count": 2, "size": [32, 18]})
    drawn = answer({"operation": "sheet", "path": "sheet.png", "page": page([cell(made["strip"])])})
    assert opened(base64.b64decode(drawn["sheet"])).shape[1] > 100
