"""Small things in the air: snow, rain, fireflies, stars that twinkle, dust in the light.

In comes a `Look`, out go `Particles` that brighten the frames they are in. Next:
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hailuo_nb.simulator.camera import FPS, Pose
from hailuo_nb.simulator.reading import Look

__all__ = ["Particles"]

Floats = npt.NDArray[np.float32]

# kind: how many, size as a share of the height, width to height, strength, steps across and down in heights
# a second, lower edge
_KINDS = {
    "snow": (190, 0.010, 1.0, 0.85, (0.03, 0.16), 1.0),
    "rain": (170, 0.045, 0.05, 0.30, (-0.05, 1.5), 1.0),
    "fireflies": (46, 0.016, 1.0, 0.95, (0.01, -0.018), 1.0),
    "stars": (40, 0.005, 1.0, 0.8, (0.0, 0.0), 0.45),
    "dust": (34, 0.006, 1.0, 0.35, (0.012, -0.008), 1.0),
}


@dataclass(frozen=True)
class Particles:
    """Small lights of one kind.

    Parameters
    ----------
    stamps : list of array
        Shapes, from 0 to 1, small and large.
    x, y : array
        Where they are at first, in pixels.
    near : array
        How near each is, from 0 to 1: near ones are larger and quicker.
    phase : array
        When each one twinkles.
    step : tuple of float
        Pixels a frame across and down.
    area : tuple of int
        Width and height they stay in.
    strength : float
        How bright.
    twinkles : float
        How much their brightness changes.
    """

    stamps: list[Floats]
    x: Floats
    y: Floats
    near: Floats
    phase: Floats
    step: tuple[float, float]
    area: tuple[int, int]
    strength: float
    twinkles: float

    @classmethod
    def of(cls, look: Look, width: int, height: int, dice: random.Random) -> Particles:
        """Choose and scatter them."""
        kind = look.weather or ("stars" if look.light == "night" and look.place != "table" else "dust")
        count, size, ratio, strength, step, lower = _KINDS[kind]
        draws = np.array([[dice.random() for _ in range(4)] for _ in range(count)], np.float32)
        stamps = [_stamp(size * height * scale, ratio) for scale in (0.55, 0.8, 1.1)]
        return cls(
            stamps,
            draws[:, 0] * width,
            draws[:, 1] * height * lower,
            draws[:, 2],
            draws[:, 3] * 6.28,
            (step[0] * height / FPS, step[1] * height / FPS),
            (width, round(height * lower)),
            strength,
            {"fireflies": 1.0, "stars": 0.9, "dust": 0.5}.get(kind, 0.0),
        )

    def scatter(self, plane: npt.NDArray[np.uint8], number: int, pose: Pose) -> None:
        """Brighten the plane of a frame where they are in it."""
        wide, high = self.area
        quick = 0.5 + self.near
        sway = np.sin(self.phase + number / FPS * 1.2) * plane.shape[0] * 0.008
        x = self.x + self.step[0] * quick * number + sway - pose.turn_x - pose.carry_x * self.near
        y = self.y + self.step[1] * quick * number - pose.turn_y - pose.carry_y * self.near
        bright = self.strength * (
            1 - self.twinkles * (0.5 + 0.5 * np.sin(self.phase * 3 + number / FPS * 2.7))
        )
        bright *= 0.45 + 0.55 * self.near
        for place, stamp in enumerate(self.stamps):
            mine = np.minimum((self.near * len(self.stamps)).astype(int), len(self.stamps) - 1) == place
            rows, columns = stamp.shape
            left = (x[mine] % (wide - columns)).astype(int)
            top = (y[mine] % max(high - rows, 1)).astype(int)
            at = (top[:, None, None] + np.arange(rows)[:, None], left[:, None, None] + np.arange(columns))
            under = plane[at].astype(np.float32)
            plane[at] = under + (232 - under) * stamp * bright[mine][:, None, None]


def _stamp(size: float, ratio: float) -> Floats:
    """Draw a soft spot, or a streak where it is narrow."""
    rows, columns = max(3, round(size * 2) | 1), max(1 if ratio < 0.5 else 3, round(size * 2 * ratio) | 1)
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = (
        np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
        if columns > 1
        else np.zeros((1, 1), np.float32)
    )
    return np.exp(-(x * x + y * y) * 3.2).astype(np.float32)
