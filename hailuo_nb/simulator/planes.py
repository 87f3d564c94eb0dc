"""Pictures as H.264 wants them: brightness in full, colour at half size, and layers that slide over each other.

In come RGB pictures of :mod:`~hailuo_nb.simulator.scenery`, out go `Planes` and `Layer`;
:mod:`~hailuo_nb.simulator.film` lays layers into frames. Composing in these planes instead of RGB is what
makes a clip cheap: no frame is ever converted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from hailuo_nb.simulator.camera import FPS, Pose

__all__ = ["Layer", "Planes", "planes_of"]

# BT.709, limited range: what of red, green and blue, and what besides.
_Y = (0.1826, 0.6142, 0.0620, 16.0)
_U = (-0.1006, -0.3386, 0.4392, 128.0)
_V = (0.4392, -0.3989, -0.0403, 128.0)


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

    @classmethod
    def of_frame(cls, frame: VideoFrame) -> Planes:
        """Give the planes of a frame itself, black: what is pasted here is in the frame, without a copy."""
        images = []
        for plane, black in zip(frame.planes, (16, 128, 128), strict=True):
            memory = np.frombuffer(memoryview(plane), np.uint8)
            memory[:] = black
            size = (plane.width, plane.height)
            images.append(Image.frombuffer("L", size, memory, "raw", "L", plane.line_size, 1))
            images[-1].readonly = 0  # the memory is shared; Pillow would copy it before the first change
        return cls(*images)

    def rows(self, first: int, end: int) -> Planes:
        """Give some of its rows; both numbers are even."""
        wide, half = self.y.width, self.u.width
        box = (0, first // 2, half, min(end // 2, self.u.height))
        return Planes(
            self.y.crop((0, first, wide, min(end, self.y.height))), self.u.crop(box), self.v.crop(box)
        )

    def paste(
        self, frame: Planes, at: tuple[int, int], mask: Image.Image | None, half_mask: Image.Image | None
    ) -> None:
        """Paste it into a frame, as far as it lies inside."""
        if at[1] >= frame.y.height or at[1] + self.y.height <= 0:
            return
        half = (at[0] // 2, at[1] // 2)
        frame.y.paste(self.y, at, mask)
        frame.u.paste(self.u, half, half_mask)
        frame.v.paste(self.v, half, half_mask)


def planes_of(picture: Image.Image, size: tuple[int, int] | None = None) -> Planes:
    """Turn an RGB picture into planes.

    Parameters
    ----------
    picture : Image
        Of even width and height, or a soft one of any size to be drawn out to `size`: painted small, and drawn
        out plane by plane, it costs a fraction.
    size : tuple of int, optional
        Even width and height.
    """
    rgb = picture.convert("RGB")
    if size is None:
        small = rgb.reduce(2)
        return Planes(rgb.convert("L", _Y), small.convert("L", _U), small.convert("L", _V))
    half = (size[0] // 2, size[1] // 2)
    y, u, v = (
        rgb.convert("L", matrix).resize(to, Image.Resampling.BILINEAR)
        for matrix, to in ((_Y, size), (_U, half), (_V, half))
    )
    return Planes(y, u, v)


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
    solid : Planes or None
        What follows below, where nothing shows through: a plain copy is quicker.
    """

    planes: Planes
    mask: Image.Image | None
    half_mask: Image.Image | None
    left: int
    top: int
    depth: float
    drift: float = 0.0
    bob: tuple[float, float] = (0.0, 1.0)
    solid: Planes | None = None

    @classmethod
    def of(
        cls,
        picture: Image.Image | Planes,
        *,
        mask: Image.Image | None = None,
        left: int,
        top: int,
        depth: float,
        drift: float = 0.0,
        bob: tuple[float, float] = (0.0, 1.0),
    ) -> Layer:
        """Make a layer of planes, or of an RGB or RGBA picture of even width and height.

        A picture smaller than its `mask` is a soft one: see `planes_of`.
        """
        if isinstance(picture, Planes):
            whole = picture
        else:
            if mask is None and picture.mode == "RGBA":
                mask = picture.getchannel("A")
            whole = planes_of(picture, mask.size if mask and mask.size != picture.size else None)
        if mask is None:
            return cls(whole, None, None, left, top, depth, drift, bob)
        rows = np.asarray(mask).min(axis=1) < 255
        open_rows = 2 * ((int(np.flatnonzero(rows)[-1]) + 2) // 2) if rows.any() else 0
        if open_rows >= mask.height:
            return cls(whole, mask, mask.reduce(2), left, top, depth, drift, bob)
        upper = mask.crop((0, 0, mask.width, open_rows))
        solid = whole.rows(open_rows, mask.height)
        return cls(whole.rows(0, open_rows), upper, upper.reduce(2), left, top, depth, drift, bob, solid)

    @property
    def solid_from(self) -> int:
        """From which of its rows on nothing shows through, across its whole width; beyond its end where none is."""
        if self.mask is None:
            return 0
        return self.planes.y.height if self.solid else 1 << 20

    def cut(self, height: int) -> Layer:
        """Give the same without the rows from `height` on."""
        open_rows = self.planes.y.height
        if height >= open_rows:
            solid = self.solid.rows(0, height - open_rows) if self.solid and height > open_rows else None
            return replace(self, solid=solid)
        height = max(height, 2)
        if self.mask is None or self.half_mask is None:
            return replace(self, planes=self.planes.rows(0, height), solid=None)
        mask = self.mask.crop((0, 0, self.mask.width, height))
        return replace(
            self, planes=self.planes.rows(0, height), mask=mask, half_mask=mask.reduce(2), solid=None
        )

    def corner(self, pose: Pose, frame_number: int) -> tuple[float, float]:
        """Tell where in a frame its corner is, when the camera is there."""
        amount, period_s = self.bob
        rise = amount * math.sin(2 * math.pi * frame_number / (FPS * period_s)) if amount else 0.0
        return (
            self.left - pose.turn_x - pose.carry_x * self.depth + self.drift * frame_number,
            self.top - pose.turn_y - pose.carry_y * self.depth + rise,
        )

    def quickest(self, poses: Sequence[Pose]) -> float:
        """Give the most pixels that it moves by between two frames of a shot."""
        corners = [self.corner(pose, number) for number, pose in enumerate(poses)]
        return max((max(abs(x - u), abs(y - v)) for (x, y), (u, v) in pairwise(corners)), default=0.0)

    def lay(self, frame: Planes, corner: tuple[float, float]) -> None:
        """Paste it with its corner at a place."""
        at_x, at_y = round(corner[0]), round(corner[1])
        self.planes.paste(frame, (at_x, at_y), self.mask, self.half_mask)
        if self.solid is not None:
            self.solid.paste(frame, (at_x, at_y + self.planes.y.height), None, None)
