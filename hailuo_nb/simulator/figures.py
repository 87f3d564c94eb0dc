"""Whoever moves through the picture, drawn in the poses of one step, beat or turn.

In comes the name and colour of a figure, out goes a `Figure`: sprites to paste, and how it travels. Next:
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from hailuo_nb.simulator.camera import FPS
from hailuo_nb.simulator.planes import Layer
from hailuo_nb.simulator.reading import Colour, Look, mix

__all__ = ["Figure", "draw_figure"]

_POSES = 12
_FINE = 3
Draw = Callable[[ImageDraw.ImageDraw, float, Colour, float], None]


@dataclass(frozen=True)
class Figure:
    """Somebody who moves.

    Parameters
    ----------
    poses : tuple of Layer
        One cycle.
    size : tuple of int
        Of a pose, in pixels.
    pose_s : float
        Seconds for one cycle.
    flies : float
        Height above the ground, as a share of the frame's height.
    sways : float
        How far it swings up and down, as a share of the frame's height.
    """

    poses: tuple[Layer, ...]
    size: tuple[int, int]
    pose_s: float
    flies: float
    sways: float

    def at(self, frame_number: int) -> Layer:
        """Draw the pose of a frame."""
        part = frame_number / (FPS * self.pose_s)
        return self.poses[int(part * len(self.poses)) % len(self.poses)]


# name: (width and height as shares of the frame's height, seconds per cycle, height above ground, sway)
_SIZES = {
    "marble": ((0.2, 0.2), 1.6, 0.0, 0.0),
    "walker": ((0.3, 0.22), 0.9, 0.0, 0.0),
    "bird": ((0.22, 0.16), 0.8, 0.36, 0.02),
    "fish": ((0.26, 0.14), 1.2, 0.03, 0.06),
    "boat": ((0.24, 0.28), 4.0, -0.01, 0.006),
    "car": ((0.34, 0.15), 0.6, 0.0, 0.0),
    "balloon": ((0.18, 0.26), 4.0, 0.26, 0.018),
    "plane": ((0.26, 0.1), 3.0, 0.42, 0.012),
    "person": ((0.14, 0.27), 0.95, 0.0, 0.0),
}


def draw_figure(look: Look, height: int, *, to_left: bool) -> Figure:
    """Draw all poses of the figure of a look, facing the way it goes."""
    (wide, high), pose_s, flies, sways = _SIZES[look.figure]
    size = (2 * round(wide * height / 2), 2 * round(high * height / 2))
    colour = mix(look.figure_colour, look.palette.near, 0.4 if look.light == "night" else 0.08)
    if look.figure == "marble":
        pictures = _marble(size[0], look)
    else:
        pictures = [_drawn(_DRAWN[look.figure], size, number / _POSES, colour) for number in range(_POSES)]
    if to_left:
        pictures = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in pictures]
    poses = tuple(Layer.of(picture, left=0, top=0, depth=0) for picture in pictures)
    return Figure(poses, pictures[0].size, pose_s, flies, sways)


def _drawn(draw: Draw, size: tuple[int, int], phase: float, colour: Colour) -> Image.Image:
    """One pose, drawn large and made smaller so that its edges are smooth."""
    picture = Image.new("RGBA", (size[0] * _FINE, size[1] * _FINE), (*colour, 0))
    draw(ImageDraw.Draw(picture), phase, colour, size[1] * _FINE)
    return picture.reduce(_FINE)


def _marble(side: int, look: Look) -> list[Image.Image]:
    """Draw a glass ball with a swirl that turns, a highlight that does not, and its shadow."""
    fine = side
    y, x = np.mgrid[:fine, :fine].astype(np.float32)
    u, v = (x - fine / 2) / (fine * 0.4), (y - fine * 0.46) / (fine * 0.4)
    far = np.hypot(u, v)
    depth = np.sqrt(np.clip(1 - far**2, 0, 1))
    one, two = np.array(look.figure_colour, np.float32), np.array(look.palette.light, np.float32)
    alpha = np.clip((1 - far) * fine * 0.4 + 0.5, 0, 1)
    shadow = 0.55 * np.exp(
        -(((x - fine / 2) / (fine * 0.34)) ** 2 + ((y - fine * 0.86) / (fine * 0.05)) ** 2)
    )
    spot = np.exp(-((u + 0.38) ** 2 + (v + 0.45) ** 2) / 0.03) + 0.4 * np.exp(
        -((u - 0.4) ** 2 + (v - 0.5) ** 2) / 0.08
    )
    pictures = []
    for number in range(_POSES * 2):
        turn = 2 * math.pi * number / (_POSES * 2)
        a, b = u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)
        swirl = 0.5 + 0.5 * np.tanh(4 * np.sin(2.6 * a + 1.8 * depth * b + 1.2 * np.sin(3 * b)))
        rgb = two * 0.9 + swirl[:, :, None] * (one - two * 0.9)
        rgb *= (0.35 + 0.75 * depth - 0.18 * v)[:, :, None]
        rgb += np.clip(spot, 0, 1)[:, :, None] * (255 - rgb)
        rgb *= alpha[:, :, None]
        whole = alpha + (1 - alpha) * shadow
        rgba = np.dstack([np.clip(rgb / np.maximum(whole, 0.01)[:, :, None], 0, 255), whole * 255])
        pictures.append(Image.fromarray(rgba.astype(np.uint8), "RGBA"))
    return pictures


def _leg(
    draw: ImageDraw.ImageDraw,
    hip: tuple[float, float],
    length: float,
    swing: float,
    width: float,
    fill: Colour,
) -> None:
    """Draw a leg of two parts."""
    knee = (hip[0] + math.sin(swing) * length * 0.5, hip[1] + math.cos(swing) * length * 0.5)
    bend = swing - 0.5 * max(0.0, -math.cos(swing * 2)) - 0.25
    foot = (knee[0] + math.sin(bend) * length * 0.5, knee[1] + math.cos(bend) * length * 0.5)
    draw.line([hip, knee, foot], fill=(*fill, 255), width=round(width), joint="curve")
    draw.ellipse(
        (foot[0] - width * 0.6, foot[1] - width * 0.4, foot[0] + width * 1.1, foot[1] + width * 0.5),
        fill=(*fill, 255),
    )


def _walker(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw an animal on four legs, going to the right."""
    beat = 2 * math.pi * phase
    lift = high * 0.02 * math.sin(2 * beat)
    dark, pale = mix(colour, (0, 0, 0), 0.32), mix(colour, (255, 255, 255), 0.45)
    back, front = (high * 0.42, high * 0.56 + lift), (high * 0.88, high * 0.55 + lift)
    for (x, y), turn in ((back, 0.0), (front, math.pi)):
        _leg(draw, (x + high * 0.03, y), high * 0.38, 0.5 * math.sin(beat + turn), high * 0.06, dark)
    tail = [
        (high * 0.36, high * 0.46 + lift),
        (high * 0.2, high * 0.4 + lift),
        (high * 0.06, high * (0.36 + 0.05 * math.sin(beat))),
    ]
    draw.line(tail, fill=(*colour, 255), width=round(high * 0.09), joint="curve")
    draw.ellipse(
        (
            tail[2][0] - high * 0.06,
            tail[2][1] - high * 0.055,
            tail[2][0] + high * 0.07,
            tail[2][1] + high * 0.055,
        ),
        fill=(*pale, 255),
    )
    draw.rounded_rectangle(
        (high * 0.32, high * 0.38 + lift, high * 0.98, high * 0.66 + lift),
        radius=high * 0.14,
        fill=(*colour, 255),
    )
    draw.line(
        [(high * 0.9, high * 0.46 + lift), (high * 1.08, high * 0.27 + lift)],
        fill=(*colour, 255),
        width=round(high * 0.15),
    )
    draw.polygon(
        [
            (high * 1.02, high * 0.17 + lift),
            (high * 1.035, high * 0.02 + lift),
            (high * 1.11, high * 0.15 + lift),
        ],
        fill=(*dark, 255),
    )
    draw.ellipse((high * 0.98, high * 0.13 + lift, high * 1.2, high * 0.34 + lift), fill=(*colour, 255))
    draw.polygon(
        [
            (high * 1.14, high * 0.18 + lift),
            (high * 1.33, high * 0.29 + lift),
            (high * 1.12, high * 0.33 + lift),
        ],
        fill=(*pale, 255),
    )
    draw.ellipse((high * 1.1, high * 0.2 + lift, high * 1.13, high * 0.23 + lift), fill=(24, 20, 24, 255))
    for (x, y), turn in ((back, math.pi), (front, 0.0)):
        _leg(draw, (x, y), high * 0.4, 0.5 * math.sin(beat + turn), high * 0.07, colour)


def _bird(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw a bird in flight, going to the right."""
    flap = math.sin(2 * math.pi * phase)
    body, wing = mix(colour, (40, 38, 46), 0.55), mix(colour, (24, 24, 32), 0.72)
    middle = high * 0.56 - flap * high * 0.03
    for side, shade in ((1, mix(wing, (0, 0, 0), 0.3)), (0, wing)):
        lean, up = high * 0.1 * side, flap * high * (0.44 - 0.06 * side)
        front, back = (high * 0.8 + lean, middle - high * 0.04), (high * 0.5 + lean, middle)
        bend_front, bend_back = (
            (high * 0.72 + lean, middle - up * 0.75),
            (high * 0.44 + lean, middle - up * 0.6),
        )
        tip = (high * 0.4 + lean, middle - up * 1.12 - high * 0.03)
        draw.polygon([front, bend_front, tip, bend_back, back], fill=(*shade, 255))
        if side:
            _bird_body(draw, middle, body, high)


def _bird_body(draw: ImageDraw.ImageDraw, middle: float, body: Colour, high: float) -> None:
    """Its tail, body, head and beak."""
    pale = mix(body, (255, 255, 255), 0.75)
    tail = [(high * 0.46, middle), (high * 0.12, middle - high * 0.07), (high * 0.16, middle + high * 0.07)]
    draw.polygon(tail, fill=(*pale, 255))
    draw.ellipse((high * 0.36, middle - high * 0.09, high * 1.0, middle + high * 0.1), fill=(*body, 255))
    draw.ellipse((high * 0.9, middle - high * 0.11, high * 1.1, middle + high * 0.05), fill=(*pale, 255))
    beak = [(high * 1.07, middle - high * 0.06), (high * 1.22, middle), (high * 1.06, middle + high * 0.02)]
    draw.polygon(beak, fill=(238, 176, 70, 255))
    draw.ellipse(
        (high * 1.02, middle - high * 0.06, high * 1.05, middle - high * 0.03), fill=(20, 18, 24, 255)
    )


def _fish(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw a fish or whale, going to the right."""
    sweep = math.sin(2 * math.pi * phase)
    pale = mix(colour, (255, 255, 255), 0.5)
    draw.polygon(
        [
            (high * 0.5, high * 0.5),
            (high * 0.08, high * (0.2 + 0.12 * sweep)),
            (high * 0.2, high * (0.5 + 0.08 * sweep)),
            (high * 0.08, high * (0.82 + 0.12 * sweep)),
        ],
        fill=(*mix(colour, (0, 0, 0), 0.2), 255),
    )
    draw.polygon(
        [(high * 0.8, high * 0.3), (high * 0.98, high * 0.02), (high * 1.15, high * 0.3)],
        fill=(*mix(colour, (0, 0, 0), 0.2), 255),
    )
    draw.ellipse((high * 0.36, high * 0.2, high * 1.74, high * 0.82), fill=(*colour, 255))
    draw.chord((high * 0.5, high * 0.3, high * 1.66, high * 0.81), 10, 170, fill=(*pale, 255))
    draw.ellipse((high * 1.46, high * 0.4, high * 1.53, high * 0.47), fill=(20, 20, 28, 255))


def _boat(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw a small boat with two sails that leans with the waves."""
    lean = 0.05 * math.sin(2 * math.pi * phase)

    def point(x: float, y: float) -> tuple[float, float]:
        away = (0.92 - y) * lean
        return (x + away) * high, y * high

    wood = mix(colour, (70, 40, 30), 0.55)
    draw.polygon([point(0.43, 0.08), point(0.43, 0.72), point(0.1, 0.72)], fill=(250, 246, 236, 255))
    draw.polygon(
        [point(0.46, 0.02), point(0.46, 0.74), point(0.76, 0.74)],
        fill=(*mix(colour, (255, 255, 255), 0.15), 255),
    )
    draw.line([point(0.445, 0.0), point(0.445, 0.82)], fill=(*wood, 255), width=round(high * 0.015))
    draw.polygon(
        [point(0.06, 0.79), point(0.82, 0.77), point(0.68, 0.95), point(0.2, 0.95)], fill=(*wood, 255)
    )
    draw.line([point(0.06, 0.79), point(0.82, 0.77)], fill=(250, 240, 220, 255), width=round(high * 0.02))


def _car(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw a car, going to the right."""
    dark, glass = mix(colour, (0, 0, 0), 0.35), (196, 222, 236)
    draw.ellipse((high * 0.1, high * 0.9, high * 2.2, high * 1.0), fill=(0, 0, 0, 90))
    draw.polygon(
        [
            (high * 0.5, high * 0.42),
            (high * 0.78, high * 0.08),
            (high * 1.42, high * 0.08),
            (high * 1.74, high * 0.42),
        ],
        fill=(*dark, 255),
    )
    draw.polygon(
        [
            (high * 0.62, high * 0.4),
            (high * 0.82, high * 0.15),
            (high * 1.08, high * 0.15),
            (high * 1.08, high * 0.4),
        ],
        fill=(*glass, 255),
    )
    draw.polygon(
        [
            (high * 1.14, high * 0.4),
            (high * 1.14, high * 0.15),
            (high * 1.38, high * 0.15),
            (high * 1.6, high * 0.4),
        ],
        fill=(*glass, 255),
    )
    draw.rounded_rectangle(
        (high * 0.08, high * 0.38, high * 2.2, high * 0.8), radius=high * 0.16, fill=(*colour, 255)
    )
    draw.rectangle((high * 0.12, high * 0.66, high * 2.16, high * 0.72), fill=(*dark, 255))
    draw.ellipse((high * 2.06, high * 0.46, high * 2.2, high * 0.6), fill=(255, 244, 200, 255))
    draw.ellipse((high * 0.08, high * 0.46, high * 0.18, high * 0.58), fill=(220, 50, 40, 255))
    for x in (0.55, 1.7):
        wheel, turn = (x * high, high * 0.8), 2 * math.pi * phase / 5
        draw.ellipse(
            (wheel[0] - high * 0.19, wheel[1] - high * 0.19, wheel[0] + high * 0.19, wheel[1] + high * 0.19),
            fill=(26, 26, 30, 255),
        )
        for spoke in range(5):
            angle = turn + spoke * 2 * math.pi / 5
            end = (wheel[0] + math.cos(angle) * high * 0.12, wheel[1] + math.sin(angle) * high * 0.12)
            draw.line([wheel, end], fill=(190, 192, 198, 255), width=round(high * 0.035))


def _balloon(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw a hot-air balloon."""
    away = high * 0.008 * math.sin(2 * math.pi * phase)
    middle, pale = high * 0.34 + away, mix(colour, (255, 255, 255), 0.72)
    draw.polygon(
        [
            (middle - high * 0.2, high * 0.5),
            (middle + high * 0.2, high * 0.5),
            (middle + high * 0.06, high * 0.76),
            (middle - high * 0.06, high * 0.76),
        ],
        fill=(*mix(colour, (0, 0, 0), 0.2), 255),
    )
    for half, shade in ((0.3, colour), (0.215, pale), (0.125, colour), (0.045, pale)):
        draw.ellipse(
            (middle - high * half, high * 0.02, middle + high * half, high * 0.62), fill=(*shade, 255)
        )
    for side in (-1, 1):
        draw.line(
            [(middle + side * high * 0.06, high * 0.74), (middle + side * high * 0.045, high * 0.86)],
            fill=(70, 52, 40, 255),
            width=round(high * 0.008),
        )
    draw.rounded_rectangle(
        (middle - high * 0.06, high * 0.85, middle + high * 0.06, high * 0.96),
        radius=high * 0.015,
        fill=(126, 84, 50, 255),
    )


def _plane(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Draw an aeroplane, going to the right."""
    pale = mix((244, 246, 250), colour, 0.06)
    blink = phase < 0.5
    draw.polygon(
        [
            (high * 0.2, high * 0.5),
            (high * 0.04, high * 0.06),
            (high * 0.26, high * 0.06),
            (high * 0.6, high * 0.46),
        ],
        fill=(*colour, 255),
    )
    draw.rounded_rectangle(
        (high * 0.12, high * 0.4, high * 2.44, high * 0.72), radius=high * 0.16, fill=(*pale, 255)
    )
    draw.rectangle((high * 0.3, high * 0.6, high * 2.2, high * 0.65), fill=(*colour, 255))
    for number in range(9):
        x = high * (0.7 + number * 0.15)
        draw.ellipse((x, high * 0.48, x + high * 0.07, high * 0.55), fill=(80, 104, 130, 255))
    draw.polygon(
        [
            (high * 2.14, high * 0.42),
            (high * 2.36, high * 0.45),
            (high * 2.4, high * 0.53),
            (high * 2.16, high * 0.53),
        ],
        fill=(80, 104, 130, 255),
    )
    draw.polygon(
        [
            (high * 1.4, high * 0.6),
            (high * 0.8, high * 0.98),
            (high * 0.98, high * 0.98),
            (high * 1.74, high * 0.62),
        ],
        fill=(*mix(pale, (0, 0, 0), 0.25), 255),
    )
    if blink:
        draw.ellipse((high * 0.84, high * 0.92, high * 0.92, high * 1.0), fill=(255, 70, 60, 255))


def _person(draw: ImageDraw.ImageDraw, phase: float, colour: Colour, high: float) -> None:
    """Somebody walking to the right."""
    beat = 2 * math.pi * phase
    lift = high * 0.008 * math.sin(2 * beat)
    trousers, skin = mix(colour, (24, 26, 40), 0.75), (226, 178, 146)
    middle, hip, neck = high * 0.26, high * 0.55 + lift, high * 0.24 + lift
    arm = 0.45 * math.sin(beat)
    _leg(draw, (middle, hip), high * 0.4, -0.45 * math.sin(beat), high * 0.055, mix(trousers, (0, 0, 0), 0.3))
    draw.line(
        [(middle, neck + high * 0.04), (middle - math.sin(arm) * high * 0.26, neck + high * 0.27)],
        fill=(*mix(colour, (0, 0, 0), 0.35), 255),
        width=round(high * 0.045),
    )
    _leg(draw, (middle, hip), high * 0.4, 0.45 * math.sin(beat), high * 0.06, trousers)
    draw.rounded_rectangle(
        (middle - high * 0.075, neck, middle + high * 0.075, hip + high * 0.05),
        radius=high * 0.06,
        fill=(*colour, 255),
    )
    draw.ellipse(
        (middle - high * 0.065, high * 0.06 + lift, middle + high * 0.075, high * 0.21 + lift),
        fill=(*skin, 255),
    )
    draw.pieslice(
        (middle - high * 0.08, high * 0.045 + lift, middle + high * 0.075, high * 0.2 + lift),
        150,
        330,
        fill=(56, 38, 32, 255),
    )
    draw.line(
        [(middle, neck + high * 0.04), (middle + math.sin(arm) * high * 0.26, neck + high * 0.27)],
        fill=(*mix(colour, (255, 255, 255), 0.12), 255),
        width=round(high * 0.05),
    )


_DRAWN: dict[str, Draw] = {
    "walker": _walker,
    "bird": _bird,
    "fish": _fish,
    "boat": _boat,
    "car": _car,
    "balloon": _balloon,
    "plane": _plane,
    "person": _person,
}
