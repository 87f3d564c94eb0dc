"""Pictures as H.264 wants them: brightness in full, colour at half size, and layers that slide over each other.

In come RGB pictures of :mod:`~hailuo_nb.simulator.scenery`, out go `Planes` and `Layer`; :mod:`~hailuo_nb.simulator.film` lays
layers into frames. Composing in these planes instead of RGB is what makes a clip cheap: no frame is ever converted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Layer", "Planes", "planes_of", "to_yuv"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# BT.709, limited range.
_Y = np.array([0.1826, 0.6142, 0.0620], np.float32)
_U = np.array([-0.1006, -0.3386, 0.4392], np.float32)
_V = np.array([0.4392, -0.3989, -0.0403], np.float32)


@dataclass(frozen=True)
class Planes:
    """Brightness, and two colour planes of half its width and height."""

    y: Image.Image
    u: Image.Image
    v: Image.Image

    @classmethod
    def black(cls, width: int, height: int) -> Planes:
        """Empty planes to paste into."""
        half = (width // 2, height // 2)
        return cls(Image.new("L", (width, height), 16), Image.new("L", half, 128), Image.new("L", half, 128))


def to_yuv(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """One colour."""
    rgb = np.array(colour, np.float32)
    return round(16 + float(_Y @ rgb)), round(128 + float(_U @ rgb)), round(128 + float(_V @ rgb))


def planes_of(picture: Image.Image) -> Planes:
    """Turn an RGB picture (even width and height) into planes."""
    rgb = np.asarray(picture.convert("RGB"), np.float32)
    small = np.asarray(picture.convert("RGB").reduce(2), np.float32)
    return Planes(
        _plane(rgb @ _Y + 16),
        _plane(small @ _U + 128),
        _plane(small @ _V + 128),
    )


def _plane(values: Floats) -> Image.Image:
    """Floats as a plane."""
    return Image.fromarray((values + 0.5).astype(np.uint8))


@dataclass(frozen=True)
class Layer:
    """A picture that slides.

    Parameters
    ----------
    planes : Planes
        What it shows.
    mask, half_mask : Image or None
        Where it shows, in full and in half size; None for everywhere.
    left, top : int
        Where its corner is while the camera rests, in pixels of the frame.
    depth : float
        How much it moves when the camera does: 0 is infinitely far, 1 is near.
    drift : float
        Pixels a frame it moves by itself, to the right.
    bob : tuple
        Pixels up and down, and seconds for once.
    """

    planes: Planes
    mask: Image.Image | None
    half_mask: Image.Image | None
    left: int
    top: int
    depth: float
    drift: float = 0.0
    bob: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(
        cls,
        picture: Image.Image,
        *,
        left: int,
        top: int,
        depth: float,
        drift: float = 0.0,
        bob: tuple[float, float] = (0.0, 1.0),
    ) -> Layer:
        """Make a layer of an RGB or RGBA picture of even width and height."""
        mask = picture.getchannel("A") if picture.mode == "RGBA" else None
        half = mask.reduce(2) if mask is not None else None
        return cls(planes_of(picture), mask, half, left, top, depth, drift, bob)

    def lay(self, frame: Planes, *, x: float, y: float, frame_number: int) -> None:
        """Paste it where it is when the camera has moved by (x, y)."""
        amount, period_s = self.bob
        rise = amount * math.sin(2 * math.pi * frame_number / (24 * period_s)) if amount else 0.0
        at_x = round(self.left - x + self.drift * frame_number)
        at_y = round(self.top - y + rise)
        frame.y.paste(self.planes.y, (at_x, at_y), self.mask)
        at = (at_x // 2, at_y // 2)
        frame.u.paste(self.planes.u, at, self.half_mask)
        frame.v.paste(self.planes.v, at, self.half_mask)
