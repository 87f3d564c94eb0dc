"""What a clip really is: facts, poster, single frames.

In comes the path of a file that somebody says is a video; out go measured facts, or `ClipInvalid`. Next:
the ledger, which keeps the facts, and the card, which shows the poster.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.media.boxes import container_of, mp4_fault

if TYPE_CHECKING:
    import av
    import PIL.Image

__all__ = [
    "ClipFacts",
    "count_frames",
    "frame_png",
    "frames_at",
    "last_frame",
    "named",
    "opened",
    "poster",
    "probe",
    "sha256_of",
]

# More pixels than any model makes; a forged header must not make the decoder ask for gigabytes.
_MOST_PIXELS = 8192 * 8192
_LONGEST_S = 1_000_000.0
# What people call a codec, where its decoder is called something else.
_CODECS = {"libdav1d": "av1", "libaom-av1": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9"}
_POSTER_BYTES = 15_000
_POSTER_QUALITIES = (82, 74, 66, 58, 50, 40)


@dataclass(frozen=True)
class ClipFacts:
    """What was measured.

    Parameters
    ----------
    duration_s : float
        Seconds of picture.
    width, height : int
        Pixels.
    fps : float
        Frames a second, on average.
    codec : str
        Of the picture: ``h264``, ``hevc``, ...
    frames : int
        How many there are.
    bytes : int
        Size of the file.
    has_audio : bool
        Whether there is sound.
    """

    duration_s: float
    width: int
    height: int
    fps: float
    codec: str
    frames: int
    bytes: int
    has_audio: bool


def probe(path: Path) -> ClipFacts:
    """Measure a clip, and refuse what is not a whole, playable video.

    The first and the last frame are really decoded, and every packet in between is read.

    Raises
    ------
    ClipInvalid
        Its message says what the file is or lacks.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        last_start, end, frames = _walk(container, stream)
        context = stream.codec_context
        if not frames:
            raise ClipInvalid(f"{named(path)} holds no pictures; fetch it again.")
        if not 0 < context.width * context.height <= _MOST_PIXELS:
            raise ClipInvalid(
                f"{named(path)} says it is {context.width} x {context.height} pixels; fetch it again."
            )
        start = _start(stream)
        if next(_decoded(container, stream, 0.0), None) is None:
            raise ClipInvalid(f"{named(path)} does not decode; fetch it again.")
        last = last_frame(container, stream)
        grace = max(2.5 * (end - start) / frames, 0.1)  # an edit list may end before the last packets do
        if last is None or _time(last, stream) < last_start - start - grace:
            raise ClipInvalid(f"{named(path)} does not decode to its end; fetch it again.")
        return ClipFacts(
            duration_s=round(end - start, 3),
            width=context.width,
            height=context.height,
            fps=round(float(stream.average_rate or frames / max(end - start, 0.001)), 3),
            codec=_CODECS.get(context.name, context.name),
            frames=frames,
            bytes=path.stat().st_size,
            has_audio=bool(container.streams.audio),
        )


def poster(path: Path, width: int = 480) -> bytes:
    """Give a small JPEG of the first frame that shows something; the player then starts without a jump.

    Raises
    ------
    ClipInvalid
        The file is not a playable video.
    """
    with opened(Path(path)) as (container, stream):
        frames = _decoded(container, stream, 0.0)
        picture = None
        for frame in frames:
            picture = _picture(frame)
            if not _is_blank(picture) or _time(frame, stream) > 1.5:
                break
    if picture is None:
        raise ClipInvalid(f"{named(path)} does not decode; fetch it again.")
    picture.thumbnail((width, width * 4))
    return _small_jpeg(picture)


def frame_png(path: Path, at: float | None = None) -> bytes:
    """Give one frame as PNG, pixel for pixel as it decodes.

    Parameters
    ----------
    path : Path
        The clip.
    at : float, optional
        Seconds from the start: the frame that is on screen then. The very last frame when not given.

    Raises
    ------
    InvalidRequest
        The clip is shorter than that.
    ClipInvalid
        The file is not a playable video.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        frame = last_frame(container, stream) if at is None else _frame_at(container, stream, at, named(path))
        if frame is None:
            raise ClipInvalid(f"{named(path)} does not decode there; fetch it again.")
        buffer = io.BytesIO()
        _picture(frame).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def frames_at(path: Path, shares: Sequence[float], size: tuple[int, int]) -> list[PIL.Image.Image]:
    """Give small pictures of a clip, each at a share of its length, from 0 to 1.

    Raises
    ------
    ClipInvalid
        The file is not a playable video.
    """
    path = Path(path)
    found: list[PIL.Image.Image] = []
    with opened(path) as (container, stream):
        base = float(stream.time_base or 0)
        length = (stream.duration or 0) * base or float(container.duration or 0) / 1e6
        for share in shares:
            # The time in the middle of what is shown there: a container may count a frame's start a little otherwise.
            frame = None
            for frame in _decoded(container, stream, share * length):
                if (
                    _time(frame, stream) + float((frame.duration or 0) * (frame.time_base or 0))
                    > share * length
                ):
                    break
            if frame is None:
                raise ClipInvalid(f"{named(path)} does not decode there; fetch it again.")
            found.append(_picture(frame.reformat(*size, interpolation="AREA")))
    return found


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named(path: Path) -> str:
    """Give the name of a file as it may stand in a message: printable and not too long; never its folder."""
    name = "".join(letter if letter.isprintable() else "�" for letter in Path(path).name)
    return name if len(name) <= 100 else f"{name[:60]}…{name[-30:]}"


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video file with its picture stream; every way in which that fails is a `ClipInvalid`."""
    import av

    with _whole(path) as (file, kind):
        try:
            # By content and with the container named: text that asks to play further files is never followed.
            with av.open(file, "r", format=kind, **_reading(av.__version__)) as container:
                stream = next((s for s in container.streams.video if not s.disposition & 0x400), None)
                if stream is None:  # 0x400: a cover picture of a sound file
                    raise ClipInvalid(f"{named(path)} holds no video, only sound or data; fetch it again.")
                stream.thread_type = "AUTO"
                yield container, stream
        except (av.FFmpegError, EOFError, ValueError, MemoryError) as error:
            raise ClipInvalid(f"{named(path)} is not a playable video ({_first_line(error)}).") from error


def _reading(version: str) -> dict[str, Any]:
    """Let tags that are no UTF-8 be read all the same; PyAV does so by itself since 19, and has no word for it."""
    return {"metadata_errors": "replace"} if int(version.partition(".")[0]) < 19 else {}


@contextmanager
def _whole(path: Path) -> Iterator[tuple[io.BufferedReader, str]]:
    """Open a file whose container is known and complete."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ClipInvalid(
            f"{named(path)} cannot be read ({error.strerror or type(error).__name__})."
        ) from error
    with file:
        head = file.read(512)
        kind = container_of(head)
        if kind is None:
            raise ClipInvalid(f"{named(path)} is {_what(head)}, not a video; fetch it again.")
        fault = mp4_fault(file) if kind == "mov" else None
        if fault:
            raise ClipInvalid(f"{named(path)} {fault}; fetch it again.")
        file.seek(0)
        yield file, kind


def _what(head: bytes) -> str:
    """Name what a file is instead of a video."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "empty"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        return "a web page"
    if text.startswith((b"{", b"[")):
        return "an answer in JSON"
    return "something else"


def _walk(container: av.container.InputContainer, stream: av.VideoStream) -> tuple[float, float, int]:
    """Read every packet; give the times at which the last picture starts and ends, and how many there are."""
    base = float(stream.time_base or 0)
    last_start, end, frames = 0.0, 0.0, 0
    for packet in container.demux(stream):
        if packet.size and not packet.is_corrupt:
            frames += 1
            last_start = max(last_start, (packet.pts or 0) * base)
            end = max(end, ((packet.pts or 0) + (packet.duration or 0)) * base)
    return last_start, end, frames


def count_frames(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Count the pictures of a clip whose header does not say it, and go back to its start."""
    frames = _walk(container, stream)[2]
    container.seek(0)
    stream.codec_context.flush_buffers()
    return frames


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, seconds: float
) -> Iterator[av.VideoFrame]:
    """Decode in order of presentation from the last key frame at or before a time."""
    base = stream.time_base
    target = 0 if base is None else int((seconds + _start(stream)) / base)
    container.seek(target, stream=stream, backward=True)
    stream.codec_context.flush_buffers()
    yield from container.decode(stream)


def last_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    """Decode up to the very last frame, from as near the end as the key frames allow."""
    base = float(stream.time_base or 0)
    for seconds in (max((stream.duration or 0) * base, 0.0), 0.0):
        last: av.VideoFrame | None = None
        for frame in _decoded(container, stream, seconds):
            if last is None or _time(frame, stream) >= _time(last, stream):
                last = frame
        if last is not None:
            return last
    return None


def _frame_at(
    container: av.container.InputContainer, stream: av.VideoStream, at: float, name: str
) -> av.VideoFrame | None:
    """Decode up to the frame that is on screen at a time."""
    if not math.isfinite(at) or not 0 <= at < _LONGEST_S:
        raise InvalidRequest(f"There is no frame at {at} s: give seconds from the start of the clip.")
    found: av.VideoFrame | None = None
    end = 0.0
    # Half a millisecond of grace: 0.1 s as written may lie just before the frame of 0.1 s as counted.
    for frame in _decoded(container, stream, at):
        time = _time(frame, stream)
        if found is not None and time > at + 0.0005:
            return found
        found, end = frame, time + float((frame.duration or 0) * (frame.time_base or 0))
    if found is not None and at > end + 0.0005:
        raise InvalidRequest(f"There is no frame at {at} s: {name} lasts {end:.2f} s.")
    return found


def _picture(frame: av.VideoFrame) -> PIL.Image.Image:
    """Turn a decoded frame into colours."""
    picture: PIL.Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return picture


def _time(frame: av.VideoFrame, stream: av.VideoStream) -> float:
    """Seconds from the start of the clip at which a frame is shown."""
    return float((frame.pts or 0) * (frame.time_base or 0)) - _start(stream)


def _start(stream: av.VideoStream) -> float:
    """Seconds at which the stream's own clock starts."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _is_blank(picture: PIL.Image.Image) -> bool:
    """Whether a picture is one flat colour, as at the start of a fade."""
    low, high = picture.convert("L").resize((32, 32)).getextrema()
    return isinstance(low, int) and isinstance(high, int) and high - low < 12


def _small_jpeg(picture: PIL.Image.Image) -> bytes:
    """Encode as JPEG, as well as fits into a poster's bytes."""
    data = b""
    for quality in _POSTER_QUALITIES:
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        data = buffer.getvalue()
        if len(data) <= _POSTER_BYTES:
            break
    return data


def _first_line(error: BaseException) -> str:
    """Give the first line of an error, without the name of any file."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:100]
