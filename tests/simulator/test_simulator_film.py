"""The clips themselves, drawn small and short where that suffices."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from hailuo_nb.simulator.camera import FPS
from hailuo_nb.simulator.film import make_clip
from hailuo_nb.simulator.firstframe import PictureUnfit

SMALL = {
    "width": 480,
    "height": 270,
    "length_s": 1,
    "variant": "t2v-standard",
    "take": 1,
    "same": "s",
    "picture": None,
}


def job(path: Path, prompt: str, **changes: Any) -> dict[str, Any]:
    """Describe a small clip."""
    return {**SMALL, "prompt": prompt, "path": str(path), **changes}


def frames(path: Path) -> list[np.ndarray[Any, Any]]:
    """Decode the brightness of every frame."""
    with av.open(str(path)) as clip:
        return [frame.to_ndarray(format="gray").astype(float) for frame in clip.decode(video=0)]


def middle(frame: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Where the bright disc of a frame is: x and y of its middle, between the mark and the words."""
    y, x = np.nonzero(frame[50:185] > 170)
    return float(x.mean()), float(y.mean()) + 50


def test_a_clip_is_what_players_like(tmp_path: Path) -> None:
    """H.264, yuv420p, 12 frames a second, exact length, a key frame each second, index in front, no date inside."""
    path = tmp_path / "a.mp4"
    make_clip(job(path, "waves", length_s=3))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.average_rate) == ("h264", "yuv420p", FPS)
        assert (stream.frames, float(stream.duration * stream.time_base)) == (36, 3.0)
        assert "creation_time" not in clip.metadata
        keys = [
            packet.pts * packet.time_base
            for packet in clip.demux(stream)
            if packet.is_keyframe and packet.size
        ]
    assert keys == [0, 1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_the_same_clip_has_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Nothing of the process, the time or its hash seed is in a clip; another take has other bytes."""
    script = (
        "import json, sys; from hailuo_nb.simulator.film import make_clip; make_clip(json.loads(sys.argv[1]))"
    )
    sums = []
    for name, take in (("1", 1), ("2", 1), ("3", 2)):
        path = tmp_path / name
        wanted = job(path, "rain over the city at night, [Shake]", take=take)
        subprocess.run(
            [sys.executable, "-c", script, json.dumps(wanted)], check=True, cwd=Path(__file__).parents[2]
        )
        sums.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    ("command", "axis", "way"),
    [
        ("Pan left", 0, 1),
        ("Pan right", 0, -1),
        ("Truck left", 0, 1),
        ("Truck right", 0, -1),
        ("Tilt up", 1, 1),
        ("Tilt down", 1, -1),
        ("Pedestal up", 1, 1),
        ("Pedestal down", 1, -1),
    ],
)
def test_camera_commands_move_the_picture(tmp_path: Path, command: str, axis: int, way: int) -> None:
    """A camera that goes left shows the picture going right."""
    source = tmp_path / "in.png"
    picture = Image.new("RGB", (960, 540), (90, 90, 90))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((430, 210, 510, 290), fill=(250, 250, 250))
    picture.save(source)
    make_clip(job(tmp_path / "a.mp4", f"[{command}]", picture=str(source)))
    seen = frames(tmp_path / "a.mp4")
    moved = [last - first for first, last in zip(middle(seen[0]), middle(seen[-1]), strict=True)]
    assert moved[axis] * way > 20
    assert abs(moved[1 - axis]) < 2


@pytest.mark.parametrize(
    ("command", "grows"), [("Zoom in", True), ("Push in", True), ("Zoom out", False), ("Pull out", False)]
)
def test_zooms_grow_and_shrink(tmp_path: Path, command: str, grows: bool) -> None:
    """What is in the middle takes more or less of the picture."""
    source = tmp_path / "in.png"
    picture = Image.new("RGB", (960, 540), (60, 60, 60))
    ImageDraw.Draw(picture).ellipse((400, 170, 560, 330), fill=(250, 250, 250))
    picture.save(source)
    make_clip(job(tmp_path / "a.mp4", f"[{command}]", picture=str(source)))
    first, last = (
        (frame[50:190, 100:-100] > 160).sum()
        for frame in frames(tmp_path / "a.mp4")[:: SMALL["length_s"] * FPS - 1]
    )
    assert bool(last > first * 1.3) == grows
    assert bool(last < first * 0.8) != grows


def test_a_still_shot_keeps_the_sky_and_a_shake_does_not(tmp_path: Path) -> None:
    """Static shot moves nothing but what lives in it."""
    for name, command in (("still", "Static shot"), ("shake", "Shake")):
        make_clip(job(tmp_path / name, f"mountains at noon [{command}]"))
    moved = {name: np.abs(np.diff(frames(tmp_path / name), axis=0)).mean() for name in ("still", "shake")}
    assert moved["shake"] > 3 * moved["still"]


def test_an_image_is_the_first_frame(tmp_path: Path) -> None:
    """Filled, not squeezed; only the words lie on it."""
    source = tmp_path / "in.jpg"
    picture = Image.effect_noise((700, 700), 60).convert("RGB").resize((350, 350)).resize((700, 700))
    picture.save(source, quality=95)
    make_clip(job(tmp_path / "a.mp4", "x", picture=str(source)))
    first = frames(tmp_path / "a.mp4")[0][50:180]
    scaled = np.asarray(picture.convert("L").resize((480, 480)), float)[105:375][50:180]
    assert np.corrcoef(first.ravel(), scaled.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("size", [(300, 400), (1000, 400), (400, 1000)])
def test_pictures_outside_the_limits_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    """Short side over 300, ratio strictly between 2:5 and 5:2."""
    Image.new("RGB", size).save(tmp_path / "in.png")
    with pytest.raises(PictureUnfit):
        make_clip(job(tmp_path / "a.mp4", "x", picture=str(tmp_path / "in.png")))
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "雪の中の狐 🦊",
        "x" * 2000,
        "a\u202eb\x00\x1b[31m\ud800",
        "<script>alert(1)</script>\n" * 40,
        "عاصفة",
    ],
)
def test_any_prompt_can_be_drawn(tmp_path: Path, prompt: str) -> None:
    """Letters without a shape in the font are boxes, never an error."""
    make_clip(job(tmp_path / "a.mp4", prompt))
    assert len(frames(tmp_path / "a.mp4")) == FPS


def test_words_are_burnt_in(tmp_path: Path) -> None:
    """SIMULATED above, prompt, variant and number below; another number is other pixels there."""
    for take in (1, 2):
        wanted = job(tmp_path / str(take), "a calm night", take=take, width=960, height=540)
        make_clip(wanted)
    one, two = (frames(tmp_path / str(take))[6] for take in (1, 2))
    assert (one[20:60, 20:220] > 180).sum() > 200
    assert (one[430:510, 20:400] > 180).sum() > 200
    assert np.abs(one[480:525, -120:] - two[480:525, -120:]).max() > 60
    assert np.abs(one[480:525, :200] - two[480:525, :200]).max() < 30


@pytest.mark.parametrize("place", ["meadow", "mountain", "sea", "city", "forest", "desert", "space", "table"])
@pytest.mark.parametrize("size", [(480, 270), (270, 480)])
def test_every_place_can_be_painted(tmp_path: Path, place: str, size: tuple[int, int]) -> None:
    """Wide and tall, with all that flies about."""
    prompt = f"{place} in the snow, a bird, [Pedestal up, Truck left, Pull out]"
    make_clip(job(tmp_path / "a.mp4", prompt, width=size[0], height=size[1]))
    seen = frames(tmp_path / "a.mp4")
    assert seen[0].shape == (size[1], size[0])
    assert seen[0].std() > 8
