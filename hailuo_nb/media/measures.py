"""What can be measured of a clip: motion, sharpness, brightness, flicker, cuts, standstill, loop, likeness.

In comes a finished file, and the picture it started from where there was one; out go the figures of `MEASURES`, for the
ledger and the history's columns ``m.<name>``. They describe, they do not judge. Next: `hailuo_nb.media.worker`, which
runs this in its own process.

Everything but sharpness is measured on luma at a width of 320 pixels, where black is 0 and white is 1, over every
frame of the first 600 (25 s at 24 a second) and the very last one; so the cost is bounded whatever the clip.

==================== ======================================================================================
measure              is
==================== ======================================================================================
``motion_px``        How far things move from one frame to the next, in pixels of the clip: phase
                     correlation in blocks of 32 pixels (at width 320), the mean length of the
                     displacement over the blocks that show any detail. A pan of 3 pixels a frame is 3.
                     Reliable up to 1/25 of the clip's width a frame; steps across a cut are left out.
``sharpness``        How much of the contrast is at the finest scale: the root mean square of luma's
                     Laplacian over that of luma's deviation from its mean, over 5 frames at no more than
                     1280 pixels in width. A blur lowers it; noise raises it.
``brightness``       Mean luma, 0 to 1.
``flicker``          How much a frame's mean luma leaves the middle of its two neighbours, on average: 0 for
                     a steady light and for a slow fade; the strength of a blink that comes every other frame.
``cuts``             Frames at which another scene begins: the picture differs, brightness aside, both by more
                     than 0.06 on average and 4 times as much as in the frames around.
``frozen_share``     The share of steps from frame to frame in which nothing changes: no block of 20 pixels
                     (at width 320) by more than half a grey level of 256 on average.
``loop_distance``    How far the last frame is from the first: the mean difference of luma, 0 to 1.
``image_similarity`` How like the input picture the first frame is: the mean structural similarity (SSIM) of
                     blocks of 8 pixels, of the part of the picture that has the clip's shape. 1 is the same;
                     None without an input picture.
==================== ======================================================================================
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import clip

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["MEASURES", "VERSION", "Measures", "cut_frames", "measure"]

VERSION = 1
"""Of the definitions above; another one measures every clip anew when it is asked for."""

WIDTH = 320
MOST_FRAMES = 600
_BLOCK = 32
_SHARP_WIDTH = 1280
_SHARP_FRAMES = 5
_CUT_LEAST, _CUT_TIMES, _CUT_AROUND = 0.06, 4.0, 8
_TILE = 20
_STILL = 0.5 / 255
# A block with less contrast than this shows nothing to follow, only noise of the codec.
_DETAIL = 0.012
# How much of the correlation must lie in its peak: less, and what is there did not simply move.
_PEAK = 0.08
_SOFT = 0.7


@dataclass(frozen=True)
class Measures:
    """The figures of one clip; the module says what each is. None where it cannot be told."""

    motion_px: float | None
    sharpness: float | None
    brightness: float | None
    flicker: float | None
    cuts: float | None
    frozen_share: float | None
    loop_distance: float | None
    image_similarity: float | None


MEASURES = tuple(Measures.__dataclass_fields__)
"""Their names, as in the ledger and, after ``m.``, in the history."""


def measure(path: Path, image: bytes | None = None) -> dict[str, float | None]:
    """Measure a clip.

    Parameters
    ----------
    path : Path
        A finished clip.
    image : bytes, optional
        The picture it started from, as PNG, JPEG or anything that Pillow reads.

    Raises
    ------
    ClipInvalid
        The file is not a playable video.
    """
    import numpy as np

    path = Path(path)
    with clip.opened(path) as (container, stream):
        watch = _Watch(stream.frames)
        for frame in container.decode(stream):
            if not watch.take(frame):
                break
        if watch.is_cut_short:
            watch.take_last(clip.last_frame(container, stream))
    if not watch.means:
        raise ClipInvalid(f"{clip.named(path)} does not decode; fetch it again.")
    first, last = watch.first, watch.last
    assert first is not None
    assert last is not None
    means, steps = np.array(watch.means), np.array(watch.steps)
    cuts = cut_frames(steps)
    is_cut = np.zeros(len(steps), dtype=bool)
    is_cut[[frame - 1 for frame in cuts]] = True
    moved = np.array(watch.moved)[~is_cut] if len(steps) else np.array([])
    found = Measures(
        motion_px=float(np.mean(moved)) * watch.scale if len(moved) else None,
        sharpness=float(np.mean(watch.sharpness)) if watch.sharpness else None,
        brightness=float(np.mean(means)),
        flicker=_flicker(means, cuts),
        cuts=float(len(cuts)),
        frozen_share=float(np.mean(np.array(watch.largest) < _STILL)) if len(steps) else None,
        loop_distance=float(np.mean(np.abs(last - first))),
        image_similarity=None if image is None else _likeness(first, image, watch.shape),
    )
    return {name: None if value is None else round(value, 5) for name, value in asdict(found).items()}


def cut_frames(steps: npt.NDArray[np.float64]) -> list[int]:
    """Find where another scene begins.

    Parameters
    ----------
    steps : numpy.ndarray
        How much each frame differs from the one before, brightness aside; the first is that of frame 1.

    Returns
    -------
    list of int
        The first frame of each new scene, counted from 0.
    """
    import numpy as np

    found = []
    for at in np.flatnonzero(steps > _CUT_LEAST).tolist():
        around = np.concatenate([steps[max(0, at - _CUT_AROUND) : at], steps[at + 1 : at + 1 + _CUT_AROUND]])
        if not len(around) or steps[at] >= _CUT_TIMES * np.median(around):
            found.append(at + 1)
    return found


class _Watch:
    """What is kept of the frames while they go by: figures, not pictures."""

    def __init__(self, frames: int) -> None:
        # Where the file does not say how many there are, those of the first seconds are looked at.
        self._every = max(1, min(frames, MOST_FRAMES) // _SHARP_FRAMES) if frames else 24
        self.means: list[float] = []
        self.steps: list[float] = []
        self.largest: list[float] = []
        self.moved: list[float] = []
        self.sharpness: list[float] = []
        self.first: Floats | None = None
        self.last: Floats | None = None
        self.scale = 1.0
        self.shape = (0, 0)
        self.is_cut_short = False
        self._blocks: npt.NDArray[np.complex64] | None = None

    def take(self, frame: av.VideoFrame) -> bool:
        """Take a frame; False after the last that is looked at."""
        import numpy as np

        if len(self.means) == MOST_FRAMES:
            self.is_cut_short = True
            return False
        if len(self.means) % self._every == 0 and len(self.sharpness) < _SHARP_FRAMES:
            self.sharpness += _sharpness(_luma(frame, min(_SHARP_WIDTH, frame.width)))
        luma = _luma(frame, WIDTH)
        blocks, detail = _spectra(luma)
        self.means.append(float(luma.mean()))
        if self.last is None:
            self.first = luma
            self.shape = (frame.width, frame.height)
            self.scale = frame.width / luma.shape[1]
        elif self.last.shape == luma.shape:
            change = luma - self.last
            self.steps.append(float(np.abs(change - change.mean()).mean()))
            self.largest.append(_largest_tile(np.abs(change)))
            assert self._blocks is not None
            self.moved.append(0.0 if self.largest[-1] == 0.0 else _displacement(self._blocks, blocks, detail))
        self.last, self._blocks = luma, blocks
        return True

    def take_last(self, frame: av.VideoFrame | None) -> None:
        """Take the very last frame of a clip that is too long to be looked at whole."""
        if frame is not None:
            self.last = _luma(frame, WIDTH)


def _luma(frame: av.VideoFrame, width: int) -> Floats:
    """Give a frame's luma at a width, 0 to 1."""
    import numpy as np
    from av.video.reformatter import Interpolation

    height = max(2, round(frame.height * width / frame.width))
    grey = frame.reformat(width=width, height=height, format="gray", interpolation=Interpolation.AREA)
    found: Floats = grey.to_ndarray().astype(np.float32) / np.float32(255)
    return found


def _spectra(luma: Floats) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.bool_]]:
    """Give the spectrum of each block, and whether the block shows any detail."""
    import numpy as np

    high, wide = (max(1, size // _BLOCK) for size in luma.shape)
    whole = np.zeros((high * _BLOCK, wide * _BLOCK), np.float32)
    part = luma[: whole.shape[0], : whole.shape[1]]
    whole[: part.shape[0], : part.shape[1]] = part
    blocks = whole.reshape(high, _BLOCK, wide, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    blocks = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    detail = blocks.std(axis=(1, 2)) > _DETAIL
    # Without a window the block's edges would be the strongest thing in it, and they never move.
    window = np.hanning(_BLOCK + 2)[1:-1].astype(np.float32)
    return np.fft.rfft2(blocks * np.outer(window, window)).astype(np.complex64), detail


def _displacement(
    before: npt.NDArray[np.complex64], after: npt.NDArray[np.complex64], detail: npt.NDArray[np.bool_]
) -> float:
    """Give the mean length by which the blocks moved, in pixels of the small picture."""
    import numpy as np

    if not detail.any():
        return 0.0
    cross = after[detail] * before[detail].conj()
    cross /= np.abs(cross) + np.float32(1e-9)
    map_of = np.fft.irfft2(cross * _softened(), s=(_BLOCK, _BLOCK))
    flat = map_of.reshape(len(map_of), -1)
    peak = flat.argmax(axis=1)
    height = flat.max(axis=1)
    each = np.arange(len(map_of))
    row, column = np.divmod(peak, _BLOCK)
    down = _between(
        map_of[each, (row - 1) % _BLOCK, column], height, map_of[each, (row + 1) % _BLOCK, column]
    )
    across = _between(
        map_of[each, row, (column - 1) % _BLOCK], height, map_of[each, row, (column + 1) % _BLOCK]
    )
    half = _BLOCK // 2
    length = np.hypot((row + half) % _BLOCK - half + down, (column + half) % _BLOCK - half + across)
    is_sure = height >= _PEAK
    return float(length[is_sure].mean()) if is_sure.any() else 0.0


def _softened() -> Floats:
    """Give weights that let the finest scales, which are mostly noise, count least: the peak becomes a smooth hill."""
    import numpy as np

    down, across = np.fft.fftfreq(_BLOCK)[:, None], np.fft.rfftfreq(_BLOCK)[None]
    return np.exp(-(down**2 + across**2) * 2 * np.pi**2 * _SOFT**2).astype(np.float32)


def _between(low: Floats, top: Floats, high: Floats) -> Floats:
    """Find the summit of a Gaussian hill between three points of it, in parts of their distance."""
    import numpy as np

    least = np.float32(1e-6)
    a, b, c = (np.log(np.maximum(each, least)) for each in (low, top, high))
    bend = a - 2 * b + c
    shift = np.divide(a - c, 2 * bend, out=np.zeros_like(bend), where=np.abs(bend) > least)
    found: Floats = np.clip(shift, -0.5, 0.5)
    return found


def _largest_tile(change: Floats) -> float:
    """Give the mean change of the tile that changed most."""
    high, wide = (max(1, size // _TILE) for size in change.shape)
    part = change[: high * _TILE, : wide * _TILE]
    tiles = part.reshape(high, part.shape[0] // high, wide, part.shape[1] // wide)
    return float(tiles.mean(axis=(1, 3)).max())


def _sharpness(luma: Floats) -> list[float]:
    """Give how much of the contrast is at the finest scale; nothing for a picture without contrast."""
    import numpy as np

    contrast = float(luma.std())
    if contrast < 1 / 255:
        return []
    middle = luma[1:-1, 1:-1]
    bent = 4 * middle - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    return [float(np.sqrt(np.mean(bent**2))) / contrast]


def _flicker(means: npt.NDArray[np.float64], cuts: list[int]) -> float | None:
    """Give how much each mean leaves the middle of its neighbours, within scenes."""
    import numpy as np

    scenes = [scene for scene in np.split(means, cuts) if len(scene) > 2]
    leaves = [np.abs(scene[1:-1] - (scene[:-2] + scene[2:]) / 2) for scene in scenes]
    return float(np.mean(np.concatenate(leaves))) if leaves else None


def _likeness(first: Floats, image: bytes, shape: tuple[int, int]) -> float | None:
    """Compare the first frame with the part of a picture that has the clip's shape; None for what is no picture."""
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(image)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    fitted = ImageOps.fit(picture, shape, Image.Resampling.BOX).convert("L")
    small = fitted.resize((first.shape[1], first.shape[0]), Image.Resampling.BOX)
    return _ssim(first, np.asarray(small, dtype=np.float32) / np.float32(255))


def _ssim(one: Floats, other: Floats) -> float:
    """Give the mean structural similarity over blocks of 8 pixels, with the usual constants."""
    import numpy as np

    high, wide = (size // 8 for size in one.shape)
    blocks = [
        each[: high * 8, : wide * 8].reshape(high, 8, wide, 8).swapaxes(1, 2).reshape(-1, 64)
        for each in (one, other)
    ]
    a, b = blocks
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    spread = ((a - mean_a[:, None]) * (b - mean_b[:, None])).mean(axis=1)
    light, contrast = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + light) * (2 * spread + contrast)
    apart = (mean_a**2 + mean_b**2 + light) * (a.var(axis=1) + b.var(axis=1) + contrast)
    return float(np.mean(alike / apart))
