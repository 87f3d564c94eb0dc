"""Several clips as one film: every frame once, in order, without loss where the formats agree."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import frame_png, probe
from hailuo_nb.media.joining import join
from hailuo_nb.media.worker import MediaWorker

ClipMaker = Callable[..., Path]


def greys(path: Path) -> list[int]:
    """Give the grey in the middle of every frame, in the order of presentation."""
    import av

    with av.open(str(path)) as container:
        return [
            int(frame.to_ndarray(format="gray")[frame.height // 2, frame.width // 2])
            for frame in container.decode(video=0)
        ]


def times(path: Path) -> list[Fraction]:
    """Give when each frame is shown, in seconds."""
    import av

    with av.open(str(path)) as container:
        return [(frame.pts or 0) * Fraction(frame.time_base or 0) for frame in container.decode(video=0)]


def packets(path: Path) -> list[str]:
    """Give a digest of every packet of the picture."""
    import av

    with av.open(str(path)) as container:
        return [
            hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size
        ]


def test_clips_of_one_format_are_put_together_packet_by_packet(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Nothing is encoded anew, no frame is missing or twice, and the times go on without a gap."""
    parts = [
        make_clip("a.mp4", frames=30),
        make_clip("b.mp4", frames=17, noise=True),
        make_clip("c.mp4", frames=24, black=2),
    ]
    film = tmp_path / "film.mp4"
    made = join(parts, film)
    assert (made.is_copied, made.note) == (True, "")
    assert packets(film) == [packet for part in parts for packet in packets(part)]
    assert greys(film) == [grey for part in parts for grey in greys(part)]
    assert times(film) == [Fraction(number, 24) for number in range(71)]
    assert probe(film).frames == 71
    # A player that jumps to a cut shows the first frame after it.
    first = np.asarray(Image.open(io.BytesIO(frame_png(film, 30 / 24))))
    assert (first == np.asarray(Image.open(io.BytesIO(frame_png(parts[1], 0.0))))).all()


def test_a_clip_may_come_twice(make_clip: ClipMaker, tmp_path: Path) -> None:
    """There and back again."""
    a, b = make_clip("a.mp4", frames=10), make_clip("b.mp4", frames=7)
    film = tmp_path / "film.mp4"
    assert join([a, b, a], film).is_copied
    assert probe(film).frames == 27


def test_the_same_parts_make_the_same_bytes(make_clip: ClipMaker, tmp_path: Path) -> None:
    """A film can be told by its digest."""
    parts = [make_clip("a.mp4"), make_clip("b.mp4")]
    for name in ("one.mp4", "two.mp4"):
        join(parts, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"size": (90, 160)}, "b.mp4 is 90 x 160"),
        ({"size": (320, 180)}, "b.mp4 is 320 x 180"),
        ({"codec": "libx265"}, "b.mp4 was encoded in another way"),
    ],
)
def test_other_formats_are_encoded_anew_in_the_first_ones(
    make_clip: ClipMaker, tmp_path: Path, other: dict[str, Any], why: str
) -> None:
    """Frame for frame in the size of the first, with black at the sides of another shape; the reason is said."""
    parts = [make_clip("a.mp4", frames=10), make_clip("b.mp4", frames=12, **other)]
    film = tmp_path / "film.mp4"
    made = join(parts, film)
    assert not made.is_copied
    assert made.note == f"Encoded anew as 160 x 90, since {why}."
    facts = probe(film)
    assert (facts.width, facts.height, facts.frames, facts.codec) == (160, 90, 22, "h264")
    wanted = [grey for part in parts for grey in greys(part)]
    assert max(abs(a - b) for a, b in zip(greys(film), wanted, strict=True)) <= 6
    if other.get("size") == (90, 160):
        picture = np.asarray(Image.open(io.BytesIO(frame_png(film, 15 / 24))).convert("L"))
        assert picture[:, :40].max() < 10
        assert picture[:, -40:].max() < 10
        assert picture[:, 70:90].min() > 20


def test_another_rate_keeps_the_length(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Twelve frames a second among twenty-four are each shown twice."""
    parts = [make_clip("a.mp4", frames=24), make_clip("b.mp4", frames=12, fps=12)]
    film = tmp_path / "film.mp4"
    assert "12 frames a second, not 24" in join(parts, film).note
    facts = probe(film)
    assert (facts.duration_s, facts.frames) == (2.0, 48)


def test_sound_lasts_as_long_as_its_picture(make_clip: ClipMaker, tmp_path: Path) -> None:
    """A silent part between two with sound is silence, so that the later one is not early."""
    import av

    parts = [
        make_clip("a.mp4", frames=24, audio=True),
        make_clip("b.mp4", frames=24),
        make_clip("c.mp4", frames=24, audio=True),
    ]
    film = tmp_path / "film.mp4"
    assert join(parts, film).is_copied
    facts = probe(film)
    assert (facts.has_audio, facts.frames, facts.duration_s) == (True, 72, 3.0)
    with av.open(str(film)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples - 3 * 48000) <= 2048


def test_the_recipes_of_the_parts_are_inside(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Each with its file's name and digest; a film is nobody's clip."""
    parts = [make_clip("a.mp4"), make_clip("b.mp4")]
    recipe.write(parts[0], {"clip": f"simulator:{'ab' * 32}:t1:a1", "prompt": "a fox", "is_simulated": True})
    film = tmp_path / "film.mp4"
    join(parts, film)
    told = recipe.read(film)
    assert told is not None
    assert (told["film"], told["is_simulated"], "clip" in told) == (2, True, False)
    assert [part["file"] for part in told["parts"]] == ["a.mp4", "b.mp4"]
    assert told["parts"][0]["recipe"]["prompt"] == "a fox"
    assert told["parts"][0]["sha256"] == hashlib.sha256(parts[0].read_bytes()).hexdigest()
    assert str(tmp_path) not in str(told)


def test_what_is_no_clip_is_refused_by_name(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Before anything is written."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(make_clip("a.mp4").read_bytes()[:-400])
    with pytest.raises(ClipInvalid, match=r"broken\.mp4"):
        join([tmp_path / "a.mp4", broken], tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_the_worker_joins_and_takes_starts(make_clip: ClipMaker, tmp_path: Path) -> None:
    """Both heavy things happen in its process; an error keeps its class."""
    parts = [make_clip("a.mp4", size=(640, 360)), make_clip("b.mp4", size=(640, 360))]
    with MediaWorker() as worker:
        made = worker.call("join", path=str(tmp_path / "film.mp4"), parts=[str(part) for part in parts])
        assert made["facts"]["frames"] == 60
        assert made["poster"]
        start = worker.call("start", path=str(parts[0]), at=None, fit=None)
        assert start["content_type"] == "image/png"
        with pytest.raises(ClipInvalid):
            worker.call("join", path=str(tmp_path / "film.mp4"), parts=[str(tmp_path / "no.mp4")])
