"""Facts, posters and frames of real clips, and the refusal of everything else."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.media.clip import ClipFacts, frame_png, poster, probe, sha256_of

ClipMaker = Callable[..., Path]
same_files = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def decoded(path: Path) -> list[np.ndarray]:
    """Decode every frame the plain way."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_image()) for frame in container.decode(video=0)]


def pixels(data: bytes) -> np.ndarray:
    """Decode a picture."""
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("audio", "fps", "frames", "size"),
    [
        (False, 24, 30, (160, 90)),
        (True, 24, 48, (96, 64)),
        (False, 30, 1, (64, 64)),
    ],
)
def test_a_clip_is_measured(
    make_clip: ClipMaker, audio: bool, fps: int, frames: int, size: tuple[int, int]
) -> None:
    """Seconds, size, rate, codec, frames, bytes and sound are those of the file."""
    path = make_clip(audio=audio, fps=fps, frames=frames, size=size)
    expected = ClipFacts(
        duration_s=round(frames / fps, 3),
        width=size[0],
        height=size[1],
        fps=fps,
        codec="h264",
        frames=frames,
        bytes=path.stat().st_size,
        has_audio=audio,
    )
    assert probe(path) == expected


def test_webm_is_a_video_too(make_clip: ClipMaker) -> None:
    """Another container with another codec is measured the same way."""
    facts = probe(make_clip("clip.webm", form="webm", codec="libvpx", frames=12))
    assert (facts.codec, facts.frames, facts.width) == ("vp8", 12, 160)
    assert facts.duration_s == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Bad Gateway</body></html>", "is a web page"),
        (b'{"code": 404, "message": "not found"}', "is an answer in JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is something else"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "is something else"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is something else"),
        (bytes(4096), "is something else"),
        (b"\0\0\0\x10ftypisom\0\0\0\0", "has no index"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov" + b"\0\0\0\x08mdat", "holds no video"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x01abcd", "broken box"),
        (b"\x1a\x45\xdf\xa3" + bytes(99), "is not a playable video"),
    ],
)
def test_what_is_no_video_is_refused_by_its_name(tmp_path: Path, data: bytes, said: str) -> None:
    """The message says what came instead of a video."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(ClipInvalid, match=said) as caught:
        probe(path)
    assert str(tmp_path) not in str(caught.value)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder get a line too."""
    for path in (tmp_path / "no.mp4", tmp_path):
        with pytest.raises(ClipInvalid, match="cannot be read"):
            probe(path)


def test_sound_without_picture_is_refused(make_clip: ClipMaker) -> None:
    """An MP4 that holds only sound is no clip."""
    with pytest.raises(ClipInvalid, match="no video"):
        probe(make_clip(audio=True, video=False))


@same_files
@given(st.floats(0, 1, exclude_max=True))
def test_a_clip_cut_off_anywhere_is_refused(make_clip: ClipMaker, part: float) -> None:
    """Wherever a download stopped, the file is not taken for whole."""
    path = Path("cut.mp4")
    whole = Path("whole.mp4")
    data = (whole if whole.exists() else make_clip(whole.name, audio=True, frames=24)).read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ClipInvalid):
        probe(path)


@pytest.mark.parametrize("missing", [1, 7, 8, 100])
def test_a_clip_with_its_index_at_the_end_is_refused_when_cut(make_clip: ClipMaker, missing: int) -> None:
    """Without its last bytes, the index is broken, whichever comes first."""
    path = make_clip(faststart=False)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ClipInvalid):
        probe(path)


def test_a_hole_at_the_end_is_found(make_clip: ClipMaker) -> None:
    """A file of the right length whose second half never came does not decode to its end."""
    path = make_clip(noise=True)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.raises(ClipInvalid):
        probe(path)


@same_files
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_damaged_clip_never_crashes(make_clip: ClipMaker, changes: list[tuple[float, int]]) -> None:
    """Whatever bytes are wrong, the answer is facts or ClipInvalid."""
    path = Path("damaged.mp4")
    whole = Path("whole.mp4")
    data = bytearray(
        (whole if whole.exists() else make_clip(whole.name, frames=6, size=(64, 64))).read_bytes()
    )
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(data)
    with contextlib.suppress(ClipInvalid):
        probe(path)
        poster(path)
        frame_png(path)


@pytest.mark.parametrize("frames", [1, 2, 12, 13, 30])
def test_the_last_frame_is_exactly_the_last(make_clip: ClipMaker, frames: int) -> None:
    """Pixel for pixel, whatever lies between it and the key frame before."""
    path = make_clip(frames=frames, noise=True)
    assert np.array_equal(pixels(frame_png(path)), decoded(path)[-1])


def test_the_frame_on_screen_at_a_time_is_given(make_clip: ClipMaker) -> None:
    """Every frame is found by its own time, and stays until the next one."""
    path = make_clip()
    frames = decoded(path)
    for index in (0, 1, 11, 12, 13, 28, 29):
        for seconds in (index / 24, (index + 0.9) / 24, round(index / 24, 3)):
            assert np.array_equal(pixels(frame_png(path, seconds)), frames[index]), (index, seconds)


@pytest.mark.parametrize("at", [-1.0, float("nan"), float("inf"), 99.0, 1e300])
def test_a_time_outside_the_clip_is_refused(make_clip: ClipMaker, at: float) -> None:
    """The message says how long the clip is, or what a time is."""
    with pytest.raises(InvalidRequest, match="There is no frame at"):
        frame_png(make_clip(), at)


def test_a_poster_is_a_small_jpeg(make_clip: ClipMaker) -> None:
    """Even of noise it stays within a poster's bytes, and keeps the shape."""
    data = poster(make_clip(size=(1366, 768), frames=1, noise=True))
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (480, 270))
    assert len(data) < 30_000
    assert Image.open(io.BytesIO(poster(make_clip(size=(160, 90))))).width == 160


def test_a_poster_shows_something(make_clip: ClipMaker) -> None:
    """A clip that fades in from black has a poster of its first bright frame, and an all-black one is no error."""
    assert pixels(poster(make_clip(black=10, noise=True))).std() > 10
    assert pixels(poster(make_clip("black.mp4", black=30))).max() < 20


def test_a_digest_is_the_files(make_clip: ClipMaker) -> None:
    """It is the SHA-256 of the bytes on disk."""
    path = make_clip()
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
