"""Places, painted once per clip as layers from far to near.

In comes a `Look`, out go layers and lights for :mod:`~hailuo_nb.simulator.film`, which slides them. Every
place is a function that adds its layers; all measures are shares of the frame's height, so that a larger
picture is a finer one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from hailuo_nb.simulator.camera import REACH_X, REACH_Y
from hailuo_nb.simulator.planes import Layer, Planes, planes_of
from hailuo_nb.simulator.reading import Colour, Look, dice_of, mix

__all__ = ["Scene", "paint"]

Floats = npt.NDArray[np.float32]
_SKY_DEPTH = 0.03
# The brightness of a star.
_STARLIGHT = 229


@dataclass
class Scene:
    """A place under construction, and finished.

    Parameters
    ----------
    look : Look
        What it is to be.
    width, height, frames : int
        Of the clip.
    dice : Random
        Decides every detail.
    """

    look: Look
    width: int
    height: int
    frames: int
    dice: random.Random
    layers: list[Layer] = field(default_factory=list)
    light_x: float = 0.7
    light_y: float = 0.3
    horizon: float = 0.62
    # Where whoever moves does so: height on the picture, and behind which layer.
    ground: float = 0.74
    figure_after: int = 0

    @property
    def margin_x(self) -> int:
        """Scenery beyond the left and right edge, in even pixels."""
        return 2 * math.ceil(self.width * REACH_X / 2)

    @property
    def margin_y(self) -> int:
        """Scenery beyond the upper and lower edge, in even pixels."""
        return 2 * math.ceil(self.height * REACH_Y / 2)

    @property
    def full_width(self) -> int:
        """Width of a layer, in even pixels."""
        return 2 * ((self.width + 2 * self.margin_x) // 2)

    @property
    def bottom(self) -> int:
        """Where layers end below, in pixels of the frame."""
        return self.height + self.margin_y

    def px(self, share: float) -> int:
        """Pixels of a share of the height."""
        return round(share * self.height)

    def add(
        self,
        picture: Image.Image | Planes,
        *,
        mask: Image.Image | None = None,
        top: int,
        depth: float,
        drift: float = 0.0,
        bob: tuple[float, float] = (0.0, 1.0),
        left: int | None = None,
    ) -> None:
        """Put a layer in front."""
        at = -self.margin_x if left is None else left
        layer = Layer.of(picture, mask=mask, left=at, top=top, depth=depth, drift=drift, bob=bob)
        self.layers.append(layer)

    def figure_here(self, ground: float) -> None:
        """Whoever moves does so in front of what is painted so far."""
        self.figure_after = len(self.layers)
        self.ground = ground


def paint(look: Look, *, width: int, height: int, frames: int, rise: float, seed: str) -> Scene:
    """Paint a place.

    Parameters
    ----------
    look : Look
        What to paint.
    width, height, frames : int
        Of the clip.
    rise : float
        How far the camera is carried up or down, in pixels.
    seed : str
        Decides the details.
    """
    scene = Scene(look, width, height, frames, dice_of("scene", seed))
    scene.light_x = scene.dice.choice((0.24, 0.34, 0.66, 0.76))
    scene.light_y = {"day": 0.2, "night": 0.24}.get(look.light, 0.4)
    _PLACES.get(look.place, _meadow)(scene)
    _hide(scene, rise)
    return scene


def _hide(scene: Scene, rise: float) -> None:
    """Cut from every layer what nearer ones cover in every frame: most of a picture is painted over otherwise."""
    shut = [(layer.top + layer.solid_from, layer) for layer in scene.layers]
    for place, layer in enumerate(scene.layers):
        ends = [
            line + rise * abs(near.depth - layer.depth) + near.bob[0] + layer.bob[0] + 2
            for line, near in shut[place + 1 :]
        ]
        if ends:
            scene.layers[place] = layer.cut(2 * math.ceil((min(ends) - layer.top) / 2))


# what places are made of


def _noise(dice: random.Random, length: int, periods: float, octaves: int = 4, rough: float = 0.5) -> Floats:
    """Paint a line of hills between about -1 and 1: a few waves upon each other."""
    along = np.arange(length, dtype=np.float32) / length
    line = np.zeros(length, np.float32)
    strength = 1.0
    for octave in range(octaves):
        for _ in range(2):
            wave = periods * 2**octave * (0.7 + 0.6 * dice.random())
            line += np.float32(strength * 0.6) * np.sin(
                2 * np.pi * (wave * along + np.float32(dice.random())), dtype=np.float32
            )
        strength *= rough
    return line / np.float32(1.6)


def _peaks(dice: random.Random, length: int, periods: float) -> Floats:
    """Paint a line of sharp summits between about -1 and 1."""
    return np.float32(1) - np.float32(1.5) * np.abs(_noise(dice, length, periods, octaves=5, rough=0.48))


def _gradient(height: int, stops: list[tuple[float, Colour]]) -> Floats:
    """Rows of colour between stops (share of the height, colour)."""
    at = np.linspace(0, 1, height, dtype=np.float32)
    places = [stop for stop, _ in stops]
    return np.stack([np.interp(at, places, [c[i] for _, c in stops]) for i in range(3)], axis=1).astype(
        np.float32
    )


def _picture(rgb: npt.NDArray[Any]) -> Image.Image:
    """Give colours, 0 to 255, as a picture."""
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def _column(shade: Floats) -> Image.Image:
    """Give rows of colour as a picture one pixel wide, to be drawn out to a layer's size."""
    return Image.fromarray(shade[:, None, :].astype(np.uint8))


def _mask(cover: npt.NDArray[Any]) -> Image.Image:
    """Give how much is covered, 0 to 1, as a mask."""
    return Image.fromarray((cover * 255).astype(np.uint8))


def _sky(scene: Scene, *, sun: bool = True, stars: bool | None = None) -> None:
    """Paint the sky with its light, from above the frame to below the horizon."""
    palette, dice = scene.look.palette, scene.dice
    wide, high = scene.full_width, 2 * ((scene.height + 2 * scene.margin_y) // 2)
    # Everything in a sky is soft: it is painted at a third of the size.
    small_w, small_h = wide // 3, high // 3
    line = (scene.px(scene.horizon) + scene.margin_y) / high
    rows = _gradient(
        small_h, [(0, palette.top), (line * 0.62, palette.middle), (line, palette.low), (1, palette.low)]
    )
    sky = np.repeat(rows[:, None, :], small_w, axis=1)
    light_x = (scene.margin_x + scene.light_x * scene.width) / 3
    light_y = (scene.margin_y + scene.light_y * scene.height) / 3
    if sun:
        y, x = np.ogrid[:small_h, :small_w]
        far = np.hypot(x - light_x, y - light_y).astype(np.float32) / (scene.height / 3)
        strength = 0.35 if scene.look.light == "night" else 0.75
        if scene.look.weather == "rain":
            strength *= 0.4
        glow = strength * np.exp(-far / 0.16) + 0.3 * strength * np.exp(-far / 0.5)
        sky += glow[:, :, None] * (np.array(palette.light, np.float32) - sky)
    planes = planes_of(_picture(sky), (wide, high))
    clear_night = scene.look.light == "night" and scene.look.weather != "rain"
    if stars if stars is not None else clear_night:
        _stars(planes.y, dice, round(high * line), scene)
    scene.add(planes, top=-scene.margin_y, depth=_SKY_DEPTH)
    if sun and scene.look.weather != "rain":
        _disc(scene)


def _stars(bright: Image.Image, dice: random.Random, below: int, scene: Scene) -> None:
    """Small lights in the brightness of the upper sky, fewer towards the horizon."""
    draw = ImageDraw.Draw(bright)
    for _ in range(260):
        x, y = dice.randrange(bright.width), below * dice.random() ** 1.4
        size = scene.height / 768 * (0.7 + 1.2 * dice.random() ** 3)
        under = bright.getpixel((x, min(int(y), bright.height - 1)))
        assert isinstance(under, int)
        shade = round(under + (_STARLIGHT - under) * (0.35 + 0.6 * dice.random()))
        draw.ellipse((x - size, y - size, x + size, y + size), fill=shade)


def _disc(scene: Scene) -> None:
    """Sun or moon, as a layer of its own: the sky behind it stays soft."""
    night = scene.look.light == "night"
    size = scene.px({"night": 0.055, "day": 0.05}.get(scene.look.light, 0.085))
    scale = 4
    side = 2 * size * scale
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse((2, 2, side - 2, side - 2), fill=240)
    face = Image.new("RGB", (side, side), mix(scene.look.palette.light, (255, 255, 255), 0.55))
    if night:
        draw = ImageDraw.Draw(face)
        for x, y, r in ((0.36, 0.4, 0.12), (0.6, 0.3, 0.07), (0.58, 0.64, 0.15), (0.3, 0.66, 0.06)):
            draw.ellipse(
                [side * (x - r), side * (y - r), side * (x + r), side * (y + r)], fill=(214, 220, 236)
            )
    left, top = (
        round(share * whole) - size
        for share, whole in ((scene.light_x, scene.width), (scene.light_y, scene.height))
    )
    scene.add(face.reduce(scale), mask=mask.reduce(scale), left=left, top=top, depth=_SKY_DEPTH)


def _clouds(scene: Scene, *, count: int, top: float, bottom: float, strength: float) -> None:
    """Soft clouds that drift."""
    dice, palette = scene.dice, scene.look.palette
    drift = scene.width * dice.choice((-1, 1)) * 0.04 / scene.frames
    wide = scene.full_width
    high = 2 * ((scene.px(bottom - top) + scene.px(0.1)) // 2)
    small = Image.new("L", (wide // 6, high // 6), 0)
    draw = ImageDraw.Draw(small)
    for _ in range(count):
        x, y = dice.randrange(small.width), small.height * (0.25 + 0.5 * dice.random())
        length = small.height * (0.5 + 1.1 * dice.random())
        for _ in range(9):
            away = dice.gauss(0, 0.4)
            radius = small.height * 0.13 * max(0.25, 1 - abs(away)) * (0.6 + 0.6 * dice.random())
            cx, cy = x + away * length, y - abs(dice.gauss(0, 0.05)) * small.height
            draw.ellipse(
                (cx - radius * 2.2, cy - radius * 0.7, cx + radius * 2.2, cy + radius * 0.6), fill=255
            )
    soft = small.filter(ImageFilter.GaussianBlur(small.height / 26)).point(lambda value: value * strength)
    body = mix(palette.low, (255, 255, 255), 0.45 if scene.look.light != "night" else 0.05)
    under = mix(palette.middle, palette.far, 0.25)
    shade = _gradient(high, [(0, body), (0.55, body), (1, under)])
    mask = soft.resize((wide, high), Image.Resampling.BICUBIC)
    scene.add(_column(shade), mask=mask, top=scene.px(top), depth=0.08, drift=drift)


def _ridge(
    scene: Scene,
    line: Floats,
    colours: tuple[Colour, Colour],
    *,
    depth: float,
    facets: float = 0.0,
    snow: float = 0.0,
) -> None:
    """Paint a range of hills: `line` is its upper edge in pixels of the frame, the colours run from there downwards."""
    top = int(2 * math.floor(float(line.min()) / 2)) - 2
    high, wide = 2 * ((scene.bottom - top) // 2), scene.full_width
    y = np.arange(high, dtype=np.float32)[:, None] + top
    steep = np.sqrt(1 + np.gradient(line) ** 2)
    alpha = np.clip((y - line[None, :]) / steep[None, :] + 0.5, 0, 1)
    # Sides of a range are soft: their colours are painted at half the size.
    edge, below = line[None, ::2], y[::2]
    down = np.clip((below - line.min()) / max(float(scene.px(0.34)), 1), 0, 1)
    one, other = (np.array(colour, np.float32) for colour in colours)
    rgb = np.repeat(one + (other - one) * down[:, :, None], wide // 2, axis=1)
    if facets or snow:
        relief = _relief(scene, line[::2], below)
        rgb *= (1 + facets * relief)[:, :, None]
        if snow:
            height = (below - edge) / max(float(scene.px(snow)), 1) + 0.5 * relief
            tall = np.clip((scene.px(scene.horizon) - edge) / scene.px(0.12), 0, 1)
            cap = np.clip(1.25 - height * 2.2, 0, 1) * tall
            white = np.array(mix(scene.look.palette.low, (250, 252, 255), 0.7), np.float32)
            rgb += cap[:, :, None] * (white * (1 + 0.16 * relief[:, :, None]) - rgb)
    scene.add(_picture(rgb), mask=_mask(alpha), top=top, depth=depth)


def _relief(scene: Scene, line: Floats, y: Floats) -> Floats:
    """Light and shade on the sides of a range, as if lit from the sun's side: -1 to 1."""
    wide = len(line)
    side = 1 if scene.light_x < 0.5 else -1
    # Broad faces from the line of the range itself, and folds of their own that shift from row to row.
    kernel = np.hanning(max(5, wide // 60))
    faces = np.convolve(np.gradient(line), kernel / kernel.sum(), "same").astype(np.float32) * 1.6
    folds = _noise(scene.dice, wide, 11, octaves=3, rough=0.5)
    lean = (0.5 * (y - line.min())).astype(np.int32)
    columns = np.arange(wide)[None, :]
    shifted = folds[(columns + lean) % wide] - folds[(columns - lean // 2) % wide]
    relief: Floats = np.tanh(side * (faces[None, :] + 0.7 * shifted)).astype(np.float32)
    return relief


def _water(scene: Scene, top: float, *, waves: int = 4) -> None:
    """Water from its far edge down to below the frame, with waves that roll."""
    palette, dice = scene.look.palette, scene.dice
    start = scene.px(top)
    high, wide = 2 * ((scene.bottom - start) // 2), scene.full_width
    far = mix(palette.low, palette.middle, 0.35)
    deep = mix(mix(palette.top, palette.near, 0.45), (10, 60, 90), 0.25)
    rows = _gradient(
        high, [(0, mix(far, deep, 0.12)), (0.25, mix(far, deep, 0.5)), (1, mix(deep, (0, 0, 0), 0.25))]
    )
    # Still water is soft: half the size is enough.
    body = np.repeat(rows[::2, None, :], wide // 2, axis=1)
    x = np.arange(0, wide, 2, dtype=np.float32)[None, :]
    y = np.arange(0, high, 2, dtype=np.float32)[:, None]
    column = np.abs(x - scene.margin_x - scene.light_x * scene.width) / (scene.height * 0.07 + y * 0.55)
    shine = np.exp(-(column**2)) * (0.7 * np.exp(-y / (high * 0.45)))
    body += shine[:, :, None] * 0.75 * (np.array(palette.light, np.float32) - body)
    scene.add(planes_of(_picture(body), (wide, high)), top=start, depth=0.3)
    for number in range(waves):
        share = (number + 0.6) / waves
        crest = start + high * (0.1 + 0.62 * share**1.5)
        swell = scene.px(0.004 + 0.012 * share)
        line = np.float32(crest) + swell * _noise(dice, wide, 9 - 5 * share, octaves=3)
        tone = mix(mix(far, deep, 0.35 + 0.5 * share), palette.light, 0.10 * (1 - share))
        _wave(scene, line, tone, deep, number)


def _wave(scene: Scene, line: Floats, tone: Colour, deep: Colour, number: int) -> None:
    """One roll of water: lighter along its crest, clear further down."""
    top = 2 * int(float(line.min()) // 2) - 2
    high = 2 * (scene.px(0.11 + 0.02 * number) // 2)
    below = np.arange(high, dtype=np.float32)[:, None] + top - line[None, :]
    edge = np.clip(below + 0.5, 0, 1)
    fade = np.clip(1 - below / (high * 0.75), 0, 1)
    crest = np.exp(-np.clip(below[::2, ::2], 0, None) / max(scene.px(0.006), 1))
    one, other = (
        np.array(mix(tone, (255, 255, 255), 0.3), np.float32),
        np.array(mix(tone, deep, 0.2), np.float32),
    )
    rgb = other + crest[:, :, None] * (one - other)
    way = 1 if number % 2 else -1
    drift = way * scene.width * (0.03 + 0.02 * number) / scene.frames
    scene.add(
        _picture(rgb),
        mask=_mask(edge * fade * 0.824),
        top=top,
        depth=0.35 + 0.13 * number,
        drift=drift,
        bob=(scene.px(0.004 + 0.003 * number), 2.6 + 0.5 * number),
    )


def _range(scene: Scene, level: float, swing: float, periods: float) -> Floats:
    """Paint the line of soft hills, in pixels of the frame."""
    return scene.px(level) + scene.px(swing) * _noise(
        scene.dice, scene.full_width, periods, octaves=3, rough=0.4
    )


def _woods(scene: Scene, level: float, tall: float, colour: Colour, *, depth: float, every: float) -> None:
    """Paint a row of conifers that reaches down to below the frame."""
    dice, scale = scene.dice, 2
    top = 2 * (scene.px(level - tall * 1.25) // 2)
    wide, high = scene.full_width, 2 * ((scene.bottom - top) // 2)
    foot = (scene.px(level) - top) * scale
    mask = Image.new("L", (wide * scale, min(high * scale, foot + scene.px(0.05) * scale)), 0)
    draw = ImageDraw.Draw(mask)
    x = -scene.px(tall) * 0.3
    while x < wide + scene.px(tall):
        size = scene.px(tall) * (0.6 + 0.6 * dice.random()) * scale
        centre, base = x * scale, foot + scene.px(0.012) * scale * dice.random()
        for tier in range(6):
            tip, low = base - size * (1 - tier * 0.15), base - size * (0.72 - tier * 0.145)
            half = size * (0.045 + 0.032 * tier)
            draw.polygon([(centre, tip), (centre - half, low), (centre + half, low)], fill=255)
        draw.rectangle((centre - size * 0.012, base - size * 0.1, centre + size * 0.012, base), fill=255)
        x += scene.px(tall) * every * (0.5 + dice.random())
    draw.rectangle((0, foot - scene.px(0.01) * scale, mask.width, mask.height), fill=255)
    reduced = mask.reduce(scale)
    full = Image.new("L", (wide, high), 255)
    full.paste(reduced, (0, 0))
    shade = _gradient(
        high,
        [(0, mix(colour, scene.look.palette.low, 0.18)), (0.5, colour), (1, mix(colour, (0, 0, 0), 0.3))],
    )
    scene.add(_column(shade), mask=full, top=top, depth=depth)


def _grass(scene: Scene, level: float, colour: Colour, *, depth: float) -> None:
    """Blades in front of everything."""
    dice, scale = scene.dice, 2
    top = 2 * (scene.px(level - 0.1) // 2)
    wide, high = scene.full_width, 2 * ((scene.bottom - top) // 2)
    picture = Image.new("RGBA", (wide * scale, scene.px(0.2) * scale), (*colour, 0))
    draw = ImageDraw.Draw(picture)
    base = scene.px(0.12) * scale
    for _ in range(520):
        x, size = dice.randrange(picture.width), scene.px(0.03 + 0.06 * dice.random()) * scale
        lean, half = dice.gauss(0, 0.3) * size, size * 0.05 + 1
        shade = mix(
            mix(colour, (0, 0, 0), 0.3 * dice.random()), scene.look.palette.light, 0.14 * dice.random()
        )
        draw.polygon([(x - half, base), (x + half, base), (x + lean, base - size)], fill=(*shade, 255))
    draw.rectangle((0, base - 2, picture.width, picture.height), fill=(*mix(colour, (0, 0, 0), 0.2), 255))
    full = Image.new("RGBA", (wide, high), (*mix(colour, (0, 0, 0), 0.2), 255))
    full.paste(picture.reduce(scale), (0, 0))
    scene.add(full, top=top, depth=depth)


# places


def _meadow(scene: Scene) -> None:
    """Hills behind hills."""
    palette = scene.look.palette
    _sky(scene)
    _clouds(scene, count=5, top=0.06, bottom=0.42, strength=0.7)
    _ridge(
        scene, _range(scene, 0.56, 0.05, 3), (mix(palette.far, palette.low, 0.35), palette.far), depth=0.15
    )
    _ridge(scene, _range(scene, 0.63, 0.045, 4), (palette.far, palette.hill), depth=0.3)
    _woods(scene, 0.69, 0.05, mix(palette.hill, palette.near, 0.6), depth=0.42, every=0.3)
    ground = mix(palette.hill, palette.light, 0.12)
    _ridge(scene, _range(scene, 0.71, 0.02, 3), (ground, palette.near), depth=0.6, facets=0.03)
    scene.figure_here(0.77)
    _grass(scene, 0.9, mix(palette.near, palette.hill, 0.3), depth=1.0)


def _mountain(scene: Scene) -> None:
    """Summits, a lake or a wood at their foot."""
    palette, dice, wide = scene.look.palette, scene.dice, scene.full_width
    _sky(scene)
    _clouds(scene, count=4, top=0.05, bottom=0.36, strength=0.6)
    hazy = mix(palette.far, palette.low, 0.45)
    far = scene.px(0.5) - scene.px(0.16) * _peaks(dice, wide, 2.2)
    _ridge(scene, far, (hazy, mix(hazy, palette.low, 0.35)), depth=0.1, facets=0.07, snow=0.1)
    near = scene.px(0.54) - scene.px(0.26) * _peaks(dice, wide, 1.3)
    _ridge(scene, near, (palette.far, palette.hill), depth=0.22, facets=0.2, snow=0.15)
    _woods(scene, 0.67, 0.07, mix(palette.hill, palette.near, 0.5), depth=0.4, every=0.24)
    _ridge(
        scene,
        _range(scene, 0.7, 0.02, 3),
        (mix(palette.hill, palette.near, 0.4), palette.near),
        depth=0.6,
        facets=0.05,
    )
    scene.figure_here(0.77)
    _woods(scene, 0.97, 0.2, mix(palette.near, (0, 0, 0), 0.35), depth=1.0, every=0.45)


def _sea(scene: Scene) -> None:
    """Open water, an island far out."""
    palette, dice = scene.look.palette, scene.dice
    scene.horizon = 0.55
    _sky(scene)
    _clouds(scene, count=6, top=0.05, bottom=0.46, strength=0.75)
    island = scene.px(0.6) - scene.px(0.13) * np.clip(_noise(dice, scene.full_width, 1.4, octaves=4), -1, 1.1)
    _ridge(
        scene,
        island.astype(np.float32),
        (mix(palette.far, palette.low, 0.3), palette.far),
        depth=0.12,
        facets=0.08,
    )
    _water(scene, 0.55)
    scene.figure_after = len(scene.layers) - 2
    scene.ground = 0.7


def _city(scene: Scene) -> None:
    """Streets of lit windows, three rows deep, and a road."""
    palette = scene.look.palette
    _sky(scene)
    _clouds(scene, count=4, top=0.04, bottom=0.34, strength=0.55)
    _block(scene, 0.42, mix(palette.far, palette.low, 0.4), depth=0.12, broad=0.06, lit=0.12)
    _block(scene, 0.5, mix(palette.far, palette.hill, 0.6), depth=0.28, broad=0.085, lit=0.3)
    _block(scene, 0.6, palette.near, depth=0.5, broad=0.13, lit=0.4)
    _road(scene)


def _block(scene: Scene, level: float, colour: Colour, *, depth: float, broad: float, lit: float) -> None:
    """Paint a row of buildings."""
    dice, palette = scene.dice, scene.look.palette
    night = scene.look.light in ("night", "sunset", "dawn")
    top = 2 * (scene.px(level - 0.34) // 2)
    wide, high = scene.full_width, 2 * ((scene.bottom - top) // 2)
    picture = Image.new("RGBA", (wide, high), (*colour, 0))
    draw = ImageDraw.Draw(picture)
    x = 0.0
    pane = max(3, scene.px(broad * 0.1))
    while x < wide:
        broadness = scene.px(broad) * (0.55 + 0.9 * dice.random())
        roof = scene.px(0.34) - scene.px(0.3) * dice.random() ** 2.2 * (
            1.1 - broadness / scene.px(broad) * 0.3
        )
        shade = mix(colour, palette.low, 0.1 * dice.random())
        draw.rectangle((x, roof, x + broadness, high), fill=(*shade, 255))
        draw.rectangle(
            (x, roof, x + max(2, broadness * 0.06), high), fill=(*mix(shade, palette.light, 0.16), 255)
        )
        if dice.random() < 0.22:
            middle = x + broadness / 2
            draw.rectangle((middle - 1, roof - scene.px(0.05), middle + 1, roof), fill=(*shade, 255))
        _windows(draw, dice, (x, roof, broadness, high), pane, shade, lit if night else 0.0, palette.low)
        x += broadness + (scene.px(0.006) * dice.random())
    scene.add(picture, top=top, depth=depth)


def _windows(
    draw: ImageDraw.ImageDraw,
    dice: random.Random,
    house: tuple[float, float, float, float],
    pane: int,
    shade: Colour,
    lit: float,
    sky: Colour,
) -> None:
    """Paint the windows of one house, some of them lit."""
    left, roof, broad, low = house
    glass = mix(shade, sky, 0.25)
    row = roof + pane * 2
    while row < min(low, roof + pane * 90):
        column = left + pane * 1.5
        while column < left + broad - pane * 2:
            if dice.random() < lit:
                fill = mix((255, 206, 120), (255, 240, 206), dice.random())
            elif dice.random() < 0.75:
                fill = glass
            else:
                fill = shade
            draw.rectangle((column, row, column + pane, row + pane * 1.35), fill=(*fill, 255))
            column += pane * 2
        row += pane * 2.6


def _road(scene: Scene) -> None:
    """Paint a wet road with the city's light on it."""
    palette = scene.look.palette
    start = 2 * (scene.px(0.72) // 2)
    wide, high = scene.full_width, 2 * ((scene.bottom - start) // 2)
    tarmac = mix((44, 46, 56), palette.near, 0.4)
    rows = _gradient(
        high, [(0, mix(tarmac, palette.low, 0.22)), (0.3, tarmac), (1, mix(tarmac, (0, 0, 0), 0.4))]
    )
    picture = Image.fromarray(np.repeat(rows[:, None, :], wide, axis=1).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    kerb = mix(tarmac, palette.low, 0.45)
    draw.rectangle((0, 0, wide, scene.px(0.008)), fill=kerb)
    for x in range(0, wide, scene.px(0.2)):
        draw.rectangle(
            (x, scene.px(0.105), x + scene.px(0.09), scene.px(0.112)), fill=mix(tarmac, (255, 236, 190), 0.6)
        )
    scene.add(picture, top=start, depth=0.75)
    scene.figure_here(0.78)


def _forest(scene: Scene) -> None:
    """Rows of trees with haze between them."""
    palette = scene.look.palette
    _sky(scene)
    _ridge(scene, _range(scene, 0.5, 0.06, 2.5), (mix(palette.far, palette.low, 0.5), palette.far), depth=0.1)
    _woods(scene, 0.6, 0.15, mix(palette.far, palette.low, 0.25), depth=0.2, every=0.22)
    _woods(scene, 0.66, 0.22, mix(palette.far, palette.hill, 0.7), depth=0.36, every=0.28)
    _woods(scene, 0.71, 0.3, mix(palette.hill, palette.near, 0.55), depth=0.55, every=0.36)
    ground = mix(palette.hill, palette.light, 0.1)
    _ridge(scene, _range(scene, 0.73, 0.015, 3), (ground, palette.near), depth=0.7, facets=0.04)
    scene.figure_here(0.78)
    _woods(scene, 1.05, 0.6, mix(palette.near, (0, 0, 0), 0.45), depth=1.0, every=0.8)
    _grass(scene, 0.93, mix(palette.near, (0, 0, 0), 0.2), depth=1.0)


def _desert(scene: Scene) -> None:
    """Dunes with a lit and a shaded side."""
    palette, dice, wide = scene.look.palette, scene.dice, scene.full_width
    _sky(scene)
    mesas = scene.px(0.58) - scene.px(0.1) * np.clip(_noise(dice, wide, 3, octaves=4) * 2.5, -1, 1)
    _ridge(
        scene,
        mesas.astype(np.float32),
        (mix(palette.far, palette.low, 0.4), palette.far),
        depth=0.12,
        facets=0.06,
    )
    lit = mix(palette.hill, palette.light, 0.35)
    for level, periods, depth in ((0.6, 2.4, 0.3), (0.66, 1.8, 0.48), (0.73, 1.3, 0.7)):
        crest = scene.px(level) - scene.px(0.05) * (1 - 2 * np.abs(_noise(dice, wide, periods, octaves=1)))
        colours = (mix(lit, palette.low, 0.6 - depth * 0.6), mix(palette.hill, palette.near, depth))
        _ridge(scene, crest.astype(np.float32), colours, depth=depth, facets=0.12)
    scene.figure_here(0.78)
    crest = scene.px(0.9) - scene.px(0.04) * (1 - 2 * np.abs(_noise(dice, wide, 1.1, octaves=1)))
    _ridge(
        scene,
        crest.astype(np.float32),
        (palette.near, mix(palette.near, (0, 0, 0), 0.4)),
        depth=1.0,
        facets=0.1,
    )


def _space(scene: Scene) -> None:
    """Stars, a nebula and a planet's edge."""
    palette, dice = scene.look.palette, scene.dice
    scene.horizon = 1.0
    _sky(scene, sun=False, stars=True)
    _clouds(scene, count=9, top=0.0, bottom=0.8, strength=0.4)
    wide, high = scene.full_width, 2 * ((scene.px(0.5) + scene.margin_y) // 2)
    top = scene.bottom - high
    radius = scene.px(1.3)
    centre = (wide * dice.choice((0.3, 0.7)), high * 0.28 + radius)
    y, x = np.ogrid[:high, :wide]
    inside = radius - np.hypot(x - centre[0], y - centre[1]).astype(np.float32)
    side = -1 if scene.light_x < 0.5 else 1
    lit = np.clip(0.62 + side * (x - centre[0]) / radius * 0.9, 0.08, 1).astype(np.float32)
    bands = np.sin(inside / scene.px(0.045) + 0.6 * np.sin(x / scene.px(0.3)).astype(np.float32))
    one, other = np.array(palette.low, np.float32), np.array(palette.hill, np.float32)
    rgb = (other + (0.5 + 0.22 * bands)[:, :, None] * (one - other)) * lit[:, :, None]
    rim = np.exp(-np.abs(inside - scene.px(0.004)) / scene.px(0.012)) * lit
    rgb += rim[:, :, None] * (np.array((190, 225, 255), np.float32) - rgb) * 0.8
    haze = np.clip(1 + inside / scene.px(0.05), 0, 1) * 0.35 * lit
    alpha = np.where(inside > 0, np.clip(inside + 0.5, 0, 1), haze**2)
    scene.add(_picture(rgb), mask=_mask(alpha), top=top, depth=0.3)
    scene.figure_here(0.5)


def _table(scene: Scene) -> None:
    """Paint a wooden table in a room out of focus."""
    palette, dice = scene.look.palette, scene.dice
    scene.horizon = 0.6
    _room(scene)
    start = 2 * (scene.px(0.6) // 2)
    wide, high = scene.full_width, 2 * ((scene.bottom - start) // 2)
    wood = mix(dice.choice(((150, 92, 52), (124, 74, 44), (176, 122, 74))), palette.near, 0.18)
    x = np.arange(wide, dtype=np.float32)[None, :]
    y = np.arange(high, dtype=np.float32)[:, None]
    # Planks run towards a vanishing point, so grain is drawn along lines through it.
    ray = (x - wide / 2) / (y + scene.px(0.3)) * scene.px(1.0)
    plank = np.floor(ray / scene.px(0.34))
    tone = 0.07 * np.sin(plank * 12.9898 + dice.random() * 6)
    grain = 0.05 * np.sin(ray / scene.px(0.012) + 2.2 * np.sin(ray / scene.px(0.05) + y / scene.px(0.2)))
    seam = -0.3 * np.exp(-(((ray / scene.px(0.34)) - plank) * 60))
    middle = np.abs(x - scene.margin_x - scene.light_x * scene.width) / (scene.height * 0.6)
    sheen = 0.55 * np.exp(-(middle**2)) * np.exp(-y / (high * 0.35))
    fall = 1.0 - 0.45 * y / high
    rgb = np.array(wood, np.float32) * ((1 + tone + grain + seam) * fall)[:, :, None]
    rgb += sheen[:, :, None] * (np.array(palette.light, np.float32) - rgb)
    rgb[: max(2, scene.px(0.006))] *= 1.25
    scene.add(_picture(rgb), top=start, depth=0.75)
    scene.figure_here(0.77)


def _room(scene: Scene) -> None:
    """Paint a wall with lights out of focus."""
    palette, dice = scene.look.palette, scene.dice
    wide, high = scene.full_width, 2 * ((scene.height + 2 * scene.margin_y) // 2)
    small_w, small_h = wide // 4, high // 4
    wall = mix(palette.hill, palette.near, 0.5)
    rows = _gradient(
        small_h, [(0, mix(wall, (0, 0, 0), 0.35)), (0.6, wall), (1, mix(wall, palette.low, 0.3))]
    )
    picture = Image.fromarray(np.repeat(rows[:, None, :], small_w, axis=1).astype(np.uint8))
    glow = Image.new("RGB", picture.size)
    draw = ImageDraw.Draw(glow)
    for _ in range(26):
        x, y = dice.randrange(small_w), small_h * (0.12 + 0.42 * dice.random())
        radius = small_h * (0.012 + 0.05 * dice.random())
        colour = mix(
            dice.choice((palette.low, palette.middle, palette.light, (255, 200, 130))),
            (0, 0, 0),
            0.25 + 0.55 * dice.random(),
        )
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    soft = glow.filter(ImageFilter.GaussianBlur(small_h / 160))
    bright = np.asarray(picture, np.float32) + np.asarray(soft, np.float32) * 0.6
    scene.add(planes_of(_picture(bright), (wide, high)), top=-scene.margin_y, depth=0.25)


_PLACES: dict[str, Callable[[Scene], None]] = {
    "meadow": _meadow,
    "mountain": _mountain,
    "sea": _sea,
    "city": _city,
    "forest": _forest,
    "desert": _desert,
    "space": _space,
    "table": _table,
}
