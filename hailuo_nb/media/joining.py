"""Several clips as one film.

In come the files of clips in their order; out goes one MP4 that shows every frame of theirs and none twice. Clips of
one format are put together packet by packet, so nothing loses quality; others are encoded anew in the first one's size
and rate. Sound is encoded anew in either case, cut or filled with silence to the length of its picture. The recipes of
the parts are kept inside. Next: `hailuo_nb.session.films`, which gives the film its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import clip, recipe

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

__all__ = ["Joined", "join"]

_SOUND_RATE = 48_000
# 16 is black where the colours are those of video; 128 is no colour.
_BLACK = (16, 128, 128)


@dataclass(frozen=True)
class Joined:
    """What became of it.

    Attributes
    ----------
    is_copied : bool
        Put together without encoding the pictures anew.
    note : str
        Why not, in words; empty where it was.
    """

    is_copied: bool
    note: str = ""


@dataclass(frozen=True)
class _Part:
    """What decides whether a clip can follow another packet by packet."""

    path: Path
    width: int
    height: int
    rate: Fraction
    base: Fraction
    codec: str
    header: bytes
    has_sound: bool


def join(parts: Sequence[Path], target: Path) -> Joined:
    """Write one film of several clips.

    Parameters
    ----------
    parts : sequence of Path
        The clips, in their order; one may come twice.
    target : Path
        Where to write; what is there is written over.

    Raises
    ------
    ClipInvalid
        A part is no whole, playable video, or the film did not come out whole.
    """
    facts = [clip.probe(path) for path in parts]
    read = [_part(path) for path in parts]
    note = _why_not_copied(read)
    frames = sum(each.frames for each in facts)
    if not note:
        try:
            _write(read, target, is_copied=True)
            _check(target, frames)
        except (ClipInvalid, ValueError):
            note = "their packets do not follow each other"
    if note:
        _write(read, target, is_copied=False)
        same_rate = len({part.rate for part in read}) == 1
        _check(target, frames if same_rate else None)
        first = read[0]
        note = f"Encoded anew as {first.width} x {first.height}, since {note}."
    recipe.write(target, _recipe_of(parts, note))
    return Joined(is_copied=not note, note=note)


def _part(path: Path) -> _Part:
    with clip.opened(path) as (container, stream):
        context = stream.codec_context
        return _Part(
            path=path,
            width=context.width,
            height=context.height,
            rate=Fraction(stream.average_rate or 24),
            base=Fraction(stream.time_base or 1),
            codec=context.name,
            header=bytes(context.extradata or b""),
            has_sound=bool(container.streams.audio),
        )


def _why_not_copied(parts: Sequence[_Part]) -> str:
    """Say what keeps clips from being put together as they are; empty where nothing does."""
    first = parts[0]
    for part in parts:
        if (part.width, part.height) != (first.width, first.height):
            return f"{clip.named(part.path)} is {part.width} x {part.height}"
        if part.rate != first.rate:
            return (
                f"{clip.named(part.path)} has {float(part.rate):g} frames a second, not {float(first.rate):g}"
            )
        if (part.codec, part.header, part.base) != (first.codec, first.header, first.base):
            return f"{clip.named(part.path)} was encoded in another way"
    return "" if first.codec == "h264" else f"they are {first.codec}"


def _check(target: Path, frames: int | None) -> None:
    """Look at the film as at any clip: it plays to its end, and has exactly as many frames as its parts."""
    found = clip.probe(target).frames
    if frames is not None and found != frames:
        raise ClipInvalid(f"{clip.named(target)} has {found} frames and its parts have {frames}.")


def _recipe_of(parts: Sequence[Path], note: str) -> dict[str, Any]:
    """Give the film's recipe: those of its parts, each with its file and digest."""
    found: list[Mapping[str, Any]] = [recipe.read(path) or {} for path in parts]
    return {
        "made_by": "hailuo_nb",
        "version": 1,
        "film": len(parts),
        "note": note,
        "is_simulated": any(each.get("is_simulated") for each in found),
        "parts": [
            {"file": clip.named(path), "sha256": clip.sha256_of(path), "recipe": each}
            for path, each in zip(parts, found, strict=True)
        ],
    }


def _write(parts: Sequence[_Part], target: Path, *, is_copied: bool) -> None:
    """Write pictures and sound, part by part."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    try:
        with target.open("w+b") as file, av.open(file, "w", format="mp4", options=options) as container:
            with clip.opened(parts[0].path) as (_, stream):
                pictures = _Copied(container, stream) if is_copied else _Encoded(container, stream, parts[0])
            sound = _Sound(container) if any(part.has_sound for part in parts) else None
            for part in parts:
                seconds = pictures.add(part.path)
                if sound is not None:
                    sound.add(part.path, seconds)
            pictures.end()
            if sound is not None:
                sound.end()
    except av.FFmpegError as error:
        raise ValueError(str(error)) from error


class _Copied:
    """Pictures packet by packet, each part set on where the one before ended."""

    def __init__(self, container: av.container.OutputContainer, template: av.VideoStream) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(template)
        self._at = 0
        self._last = -(2**62)

    def add(self, path: Path) -> Fraction:
        """Add a clip; gives its length in seconds."""
        with clip.opened(path) as (source, stream):
            base = Fraction(stream.time_base or 1)
            packets = [packet for packet in source.demux(stream) if packet.dts is not None and packet.size]
            start = min(packet.pts or 0 for packet in packets)
            end = max((packet.pts or 0) + (packet.duration or 0) for packet in packets)
            for packet in packets:
                packet.pts = (packet.pts or 0) - start + self._at
                packet.dts = (packet.dts or 0) - start + self._at
                if packet.dts <= self._last:
                    raise ValueError("packets out of order")
                self._last = packet.dts
                packet.stream = self._stream
                self._container.mux(packet)
        self._at += end - start
        return (end - start) * base

    def end(self) -> None:
        """Have nothing left to write."""


class _Encoded:
    """Pictures encoded anew, in the size and rate of the first part, with borders where a shape differs."""

    def __init__(
        self, container: av.container.OutputContainer, template: av.VideoStream, first: _Part
    ) -> None:
        self._container = container
        self._size = (2 * (first.width // 2), 2 * (first.height // 2))
        self._rate = first.rate
        stream: Any = container.add_stream("libx264", rate=first.rate)
        stream.width, stream.height, stream.pix_fmt = *self._size, "yuv420p"
        stream.options = {"preset": "medium", "crf": "16"}
        context, known = stream.codec_context, template.codec_context
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(context, name, getattr(known, name))
        self._stream = stream
        self._frames = 0

    def add(self, path: Path) -> Fraction:
        """Add a clip; gives its length in seconds."""
        count = 0
        for pixels in _at_rate(path, self._rate, self._size):
            self._put(pixels)
            count += 1
        return count / self._rate

    def end(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _put(self, pixels: npt.NDArray[np.uint8]) -> None:
        import av

        frame = av.VideoFrame.from_ndarray(pixels, format="yuv420p")
        frame.pts, frame.time_base = self._frames, 1 / self._rate
        self._frames += 1
        self._container.mux(self._stream.encode(frame))


def _at_rate(path: Path, rate: Fraction, size: tuple[int, int]) -> Iterator[npt.NDArray[np.uint8]]:
    """Give the pictures that are on screen at each tick of a rate; with the clip's own rate each exactly once."""
    with clip.opened(path) as (container, stream):
        own = Fraction(stream.average_rate or rate)
        shown = 0
        for number, frame in enumerate(container.decode(stream)):
            # The frame stands until (number + 1) / own.
            until = (number + 1) * rate / own
            pixels = None
            while shown < until:
                pixels = _boxed(frame, size) if pixels is None else pixels
                yield pixels
                shown += 1


def _boxed(frame: av.VideoFrame, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Scale a frame into a size without changing its shape, black around it."""
    import numpy as np

    width, height = size
    scale = min(width / frame.width, height / frame.height)
    inner = [max(2, 2 * round(side * scale / 2)) for side in (frame.width, frame.height)]
    inner = [min(inner[0], width), min(inner[1], height)]
    scaled = frame.reformat(width=inner[0], height=inner[1], format="yuv420p", interpolation="LANCZOS")
    planes = []
    for number, (plane, black) in enumerate(zip(scaled.planes, _BLACK, strict=True)):
        part = 1 if number == 0 else 2
        seen: Any = plane  # which is a buffer, though its type does not say so
        rows = np.frombuffer(seen, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        canvas = np.full((height // part, width // part), black, np.uint8)
        top = (height - inner[1]) // 4 * 2 // part
        left = (width - inner[0]) // 4 * 2 // part
        canvas[top : top + rows.shape[0], left : left + rows.shape[1]] = rows
        planes.append(canvas.reshape(-1))
    return np.concatenate(planes).reshape(height * 3 // 2, width)


class _Sound:
    """One track of sound, exactly as long as the pictures."""

    def __init__(self, container: av.container.OutputContainer) -> None:
        self._container = container
        self._stream: Any = container.add_stream("aac", rate=_SOUND_RATE, layout="stereo")
        self._samples = 0
        self._exact = Fraction(0)

    def add(self, path: Path, seconds: Fraction) -> None:
        """Add a clip's sound, or silence, for as long as its pictures last."""
        import numpy as np

        self._exact += seconds * _SOUND_RATE
        wanted = round(self._exact) - self._samples
        heard = _heard(path)[:, :wanted]
        silence = np.zeros((2, wanted - heard.shape[1]), np.float32)
        self._put(np.concatenate([heard, silence], axis=1))

    def end(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _put(self, samples: npt.NDArray[np.float32]) -> None:
        import av
        import numpy as np

        step = 1024
        for start in range(0, samples.shape[1], step):
            piece = np.ascontiguousarray(samples[:, start : start + step])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = _SOUND_RATE, self._samples
            frame.time_base = Fraction(1, _SOUND_RATE)
            self._samples += piece.shape[1]
            self._container.mux(self._stream.encode(frame))


def _heard(path: Path) -> npt.NDArray[np.float32]:
    """Decode a clip's sound; nothing where it has none."""
    import av
    import numpy as np

    pieces: list[Any] = [np.zeros((2, 0), np.float32)]
    with clip.opened(path) as (container, _):
        if container.streams.audio:
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_SOUND_RATE)
            for frame in container.decode(container.streams.audio[0]):
                pieces += [each.to_ndarray() for each in resampler.resample(frame)]
            pieces += [each.to_ndarray() for each in resampler.resample(None)]
    return np.concatenate(pieces, axis=1)
