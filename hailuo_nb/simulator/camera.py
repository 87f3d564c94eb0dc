"""Where the camera is in every frame.

In come the commands of a prompt, out goes a `Pose` per frame; :mod:`~hailuo_nb.simulator.film` moves layers
by it. Pan and tilt turn the camera, so everything moves alike; truck and pedestal carry it, so what is near
moves more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FPS", "REACH_X", "REACH_Y", "Camera", "Pose"]

# On twos, as drawn films are: half the drawing and half the encoding that 24 would take.
FPS = 12

# How far a shot may go, as a share of the frame: scenery is painted that much larger on each side.
REACH_X = 0.24
REACH_Y = 0.17

_GO_X, _GO_Y, _ZOOM = 0.2, 0.14, 1.34
_TURN = {
    "pan left": (-_GO_X, 0.0),
    "pan right": (_GO_X, 0.0),
    "tilt up": (0.0, -_GO_Y),
    "tilt down": (0.0, _GO_Y),
}
_CARRY = {
    "truck left": (-_GO_X, 0.0),
    "truck right": (_GO_X, 0.0),
    "pedestal up": (0.0, -_GO_Y),
    "pedestal down": (0.0, _GO_Y),
    "tracking shot": (_GO_X, 0.0),
}
_SHAKE = 0.012


@dataclass(frozen=True)
class Pose:
    """The camera in one frame: turned and carried in pixels, and its zoom."""

    turn_x: float
    turn_y: float
    carry_x: float
    carry_y: float
    zoom: float


@dataclass(frozen=True)
class Camera:
    """A shot.

    Parameters
    ----------
    moves : tuple of str
        Commands, all at once; none means a slow move of its own.
    width, height : int
        Of the frame.
    frames : int
        Of the clip.
    still : bool
        It starts from a picture that is to fill the first frame: a zoom out then goes below 1.
    """

    moves: tuple[str, ...]
    width: int
    height: int
    frames: int
    still: bool

    @property
    def zooms(self) -> bool:
        """Whether any frame has to be scaled."""
        return self._zoom(1.0) != 1.0 or self._zoom(0.0) != 1.0

    @property
    def widest(self) -> float:
        """The smallest zoom of the shot."""
        return min(self._zoom(0.0), self._zoom(1.0), 1.0)

    @property
    def rise(self) -> float:
        """How far it is carried up or down, in pixels."""
        return abs(self._sum(_CARRY)[1]) * self.height

    @property
    def tracks(self) -> bool:
        """Whether it goes with whoever moves."""
        return "tracking shot" in self.moves

    def pose(self, frame: int) -> Pose:
        """Give the camera's place in a frame."""
        part = frame / max(self.frames - 1, 1)
        # Soft at both ends, nearly even between.
        eased = part + 0.1 * (-math.sin(2 * math.pi * part))
        turn_x, turn_y = self._sum(_TURN)
        carry_x, carry_y = self._sum(_CARRY)
        if not self.moves and not self.still:
            carry_x = 0.07
        shake_x = shake_y = 0.0
        if "shake" in self.moves:
            fade = min(1.0, frame / 6)
            shake_x = fade * (math.sin(frame * 1.7) + 0.6 * math.sin(frame * 2.9 + 1)) * _SHAKE / 1.6
            shake_y = fade * (math.sin(frame * 2.1 + 2) + 0.6 * math.sin(frame * 3.3)) * _SHAKE / 1.6
        return Pose(
            (turn_x * eased + shake_x) * self.width,
            (turn_y * eased + shake_y) * self.height,
            carry_x * eased * self.width,
            carry_y * eased * self.height,
            self._zoom(eased),
        )

    def _sum(self, kind: dict[str, tuple[float, float]]) -> tuple[float, float]:
        """Several commands of a kind together, no further than there is scenery."""
        x = sum(kind[move][0] for move in self.moves if move in kind)
        y = sum(kind[move][1] for move in self.moves if move in kind)
        both = 0.5 if any(m in _TURN for m in self.moves) and any(m in _CARRY for m in self.moves) else 1.0
        return min(max(x, -_GO_X), _GO_X) * both, min(max(y, -_GO_Y), _GO_Y) * both

    def _zoom(self, part: float) -> float:
        """How much larger things are than painted."""
        inward = "zoom in" in self.moves or "push in" in self.moves
        outward = "zoom out" in self.moves or "pull out" in self.moves
        if inward and not outward:
            return float(_ZOOM**part)
        if outward and not inward:
            return float(_ZOOM**-part if self.still else _ZOOM ** (1 - part))
        if self.still and not self.moves:
            return float(1.12**part)
        return 1.0
