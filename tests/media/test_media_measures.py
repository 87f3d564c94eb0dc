"""Measures, against clips that were made with known answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.ledger.measuring import NAMES
from hailuo_nb.media import measures
from hailuo_nb.media.measures import MEASURES, cut_frames, measure
from hailuo_nb.media.worker import answer

WIDE, HIGH = 640, 360
Film = Callable[[Sequence[Any]], Path]


def scenery(seed: int = 0, wide: int = 1600) -> Any:
    """Draw something with detail at every scale, in grey."""
    chance = np.random.default_rng(seed)
    whole = np.zeros((HIGH, wide))
    for scale in (4, 16, 64):
        dots = (chance.random((HIGH // scale + 2, wide // scale + 2)) * 255).astype(np.uint8)
        whole += (
            np.asarray(Image.fromarray(dots).resize((wide, HIGH), Image.Resampling.BICUBIC), float) * scale
        )
    whole -= whole.min()
    return (25 + whole / whole.max() * 200).astype(np.uint8)


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Give what makes a clip of grey pictures."""

    def make(pictures: Sequence[Any]) -> Path:
        path = tmp_path / "made.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
            stream.options = {"preset": "ultrafast", "crf": "14"}
            for picture in pictures:
                colours = np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(colours, format="rgb24")))
            container.mux(stream.encode())
        return path

    return make


def grey(level: float) -> Any:
    """Give a flat picture."""
    return np.full((HIGH, WIDE), round(level), np.uint8)


@pytest.mark.parametrize("speed", [1, 3, 8, 20])
def test_a_pan_has_its_speed(film: Film, speed: int) -> None:
    """Pixels of the clip from one frame to the next, within a twentieth."""
    world = scenery()
    found = measure(film([world[:, at * speed : at * speed + WIDE] for at in range(16)]))
    assert found["motion_px"] == pytest.approx(speed, rel=0.05)
    assert (found["cuts"], found["frozen_share"]) == (0, 0)


def test_what_stands_still_does_not_move(film: Film) -> None:
    """A still picture: no motion, frozen, a perfect loop, no flicker."""
    found = measure(film([scenery()[:, :WIDE]] * 12))
    assert found["motion_px"] == pytest.approx(0, abs=0.05)
    assert found["frozen_share"] == 1
    assert found["loop_distance"] == pytest.approx(0, abs=0.01)
    assert found["flicker"] == pytest.approx(0, abs=0.001)


def test_a_frozen_stretch_has_its_share(film: Film) -> None:
    """Eight of sixteen steps show the same picture again."""
    world = scenery()
    places = [*range(5), *[4] * 8, *range(5, 9)]
    found = measure(film([world[:, 6 * at : 6 * at + WIDE] for at in places]))
    assert found["frozen_share"] == pytest.approx(8 / 16, abs=0.01)


def test_a_small_thing_that_moves_is_not_frozen(film: Film) -> None:
    """One dot in a still picture is enough."""
    pictures = []
    for at in range(10):
        picture = grey(60)
        picture[100:130, 40 + 20 * at : 70 + 20 * at] = 220
        pictures.append(picture)
    assert measure(film(pictures))["frozen_share"] == 0


@pytest.mark.parametrize("strength", [0.04, 0.2, 0.5])
def test_a_blink_has_its_strength(film: Film, strength: float) -> None:
    """Every other frame brighter by so much; a blink is no cut, whatever its strength."""
    world = scenery()[:, :WIDE] * 0.3
    pictures = [(world + 255 * strength * (at % 2)).round().astype(np.uint8) for at in range(12)]
    found = measure(film(pictures))
    assert found["flicker"] == pytest.approx(strength, rel=0.05)
    assert found["cuts"] == 0


def test_a_single_flash_is_no_cut(film: Film) -> None:
    """The light goes up for one frame and back; the scene is the same."""
    world = scenery()[:, :WIDE] * 0.3
    found = measure(film([(world + 120 * (at == 6)).astype(np.uint8) for at in range(14)]))
    assert found["cuts"] == 0
    # The frame itself leaves its neighbours' middle by all of it, and each neighbour by half.
    assert found["flicker"] == pytest.approx(120 / 255 * 2 / 12, rel=0.05)


def test_a_slow_fade_does_not_flicker(film: Film) -> None:
    """Nor is it frozen; its brightness is that of its middle, and its ends are as far apart as they are."""
    found = measure(film([grey(40 + 8 * at) for at in range(20)]))
    assert found["flicker"] == pytest.approx(0, abs=0.002)
    assert found["brightness"] == pytest.approx((40 + 8 * 9.5) / 255, abs=0.01)
    assert found["loop_distance"] == pytest.approx(8 * 19 / 255, abs=0.01)
    assert found["frozen_share"] == 0


def test_hard_cuts_are_counted_and_found_at_their_frames(film: Film) -> None:
    """Two cuts in a moving picture; the motion across them does not count."""
    worlds = [scenery(seed) for seed in (1, 2, 3)]
    pictures = [worlds[at // 9][:, 3 * at : 3 * at + WIDE] for at in range(27)]
    found = measure(film(pictures))
    assert found["cuts"] == 2
    assert found["motion_px"] == pytest.approx(3, rel=0.05)
    steps = np.array([0.01, 0.012, 0.2, 0.011, 0.01, 0.013, 0.01])
    assert cut_frames(steps) == [3]
    assert cut_frames(np.full(9, 0.2)) == [], "what always changes so much is motion"


def test_a_loop_comes_back(film: Film) -> None:
    """There and back again: the ends meet, though everything moved."""
    world = scenery()
    places = [*range(8), *range(8, -1, -1)]
    found = measure(film([world[:, 5 * at : 5 * at + WIDE] for at in places]))
    assert found["loop_distance"] == pytest.approx(0, abs=0.015)
    assert found["motion_px"] == pytest.approx(5, rel=0.05)


def test_a_blur_is_less_sharp(film: Film) -> None:
    """By a lot, whatever the contrast."""
    down, across = np.mgrid[0:HIGH, 0:WIDE]
    sharp = (40 + 160 * ((down // 20 + across // 20) % 2)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(3)))
    dim = (sharp * 0.5).astype(np.uint8)
    values = [measure(film([picture] * 6))["sharpness"] for picture in (sharp, soft, dim)]
    assert all(value is not None for value in values)
    first, blurred, dimmed = (float(value or 0) for value in values)
    assert blurred < first / 2
    assert dimmed == pytest.approx(first, rel=0.15)
    assert measure(film([grey(90)] * 4))["sharpness"] is None, "a flat picture is neither sharp nor not"


def test_the_first_frame_is_held_against_the_input_picture(film: Film) -> None:
    """Nearly 1 for the same picture in any size, also where more of it was around; much less for another."""

    def png(picture: Any, size: tuple[int, int]) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture).resize(size).save(buffer, "PNG")
        return buffer.getvalue()

    same, other = scenery(5)[:, :WIDE], scenery(6)[:, :WIDE]
    clip = film([same] * 4)
    assert measure(clip)["image_similarity"] is None
    assert measure(clip, png(same, (1280, 720)))["image_similarity"] == pytest.approx(1, abs=0.05)
    tall = np.concatenate([grey(0)[:100], same, grey(0)[:100]])
    assert measure(clip, png(tall, (WIDE, HIGH + 200)))["image_similarity"] == pytest.approx(1, abs=0.05)
    assert float(measure(clip, png(other, (WIDE, HIGH)))["image_similarity"] or 0) < 0.5
    assert measure(clip, b"no picture")["image_similarity"] is None


def test_long_clips_cost_no_more(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many frames only the very last one is looked at."""
    monkeypatch.setattr(measures, "MOST_FRAMES", 6)
    world = scenery()
    pictures = [world[:, 2 * at : 2 * at + WIDE] for at in range(6)] + [scenery(9)[:, :WIDE]] * 6
    found = measure(film(pictures))
    assert found["cuts"] == 0
    assert float(found["loop_distance"] or 0) > 0.05


def test_one_frame_is_measured_too(film: Film) -> None:
    """What needs two of them is not known."""
    found = measure(film([scenery()[:, :WIDE]]))
    assert (found["motion_px"], found["flicker"], found["frozen_share"]) == (None, None, None)
    assert (found["cuts"], found["loop_distance"]) == (0, 0)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(ClipInvalid, match="web page"):
        measure(tmp_path / "page.mp4")


def test_ledger_docstring_and_worker_name_the_same_measures(film: Film) -> None:
    """Every measure is defined where people look, has a column, and comes out of the worker."""
    assert MEASURES == NAMES
    for name in MEASURES:
        assert f"``{name}``" in (measures.__doc__ or "")
    made = answer({"operation": "measure", "path": str(film([grey(90)] * 3)), "image": None})
    assert tuple(made["measures"]) == MEASURES
    assert made["version"] == measures.VERSION
