"""What a prompt asks to see, read word by word: place, light, weather, somebody who moves, and the camera.

In come a prompt and a seed, out goes a `Look`; next :mod:`~hailuo_nb.simulator.scenery` paints it. Words
decide what they name; what no word decides is drawn by lot from the prompt, so that other prompts look
different.
"""

from __future__ import annotations

import colorsys
import hashlib
import random
import re
from dataclasses import dataclass, replace

__all__ = ["Colour", "Look", "Palette", "dice_of", "mix", "read_moves", "read_prompt"]

Colour = tuple[int, int, int]

_PLACES = {
    "table": "marble table desk kitchen bowl cup tea coffee plate vase candle book shelf glass fruit apple pear "
    "grapes chair bed sofa room indoor indoors interior restaurant library bedroom bathroom lamp toilet laptop",
    "sea": "sea ocean beach wave waves surf shore coast lake river boat ship sail sailboat harbor harbour island "
    "whale dolphin shark fish lighthouse water underwater pier lagoon pool bay",
    "city": "city street skyline town skyscraper skyscrapers building buildings downtown traffic car cars taxi bus "
    "alley neon rooftop subway bridge tower station parking lot bar palace house urban tokyo paris york",
    "mountain": "mountain mountains alps peak summit cliff cliffs canyon valley glacier volcano hill hiker eagle "
    "snowy ridge rock rocks everest",
    "forest": "forest wood woods tree trees jungle fox deer wolf bear owl squirrel pine pines leaves park garden "
    "rainforest autumn fall mushroom cabin barn",
    "desert": "desert dune dunes sand camel sahara oasis cactus mars savanna lion elephant giraffe zebra",
    "meadow": "meadow meadows field fields grass grassland prairie countryside "
    "farm hills village windmill flowers picnic",
    "space": "space galaxy planet planets astronaut stars nebula rocket moon spaceship orbit cosmos milky asteroid",
}
_LIGHTS = {
    "night": "night midnight moon moonlight moonlit stars starry neon dark aurora firefly fireflies candle",
    "sunset": "sunset dusk evening golden twilight autumn campfire volcano",
    "dawn": "dawn sunrise morning mist misty fog foggy spring",
    "day": "noon day daylight sunny midday bright summer blue clear",
}
_WEATHERS = {
    "snow": "snow snowy snowing snowfall blizzard winter ice icy frozen glacier",
    "rain": "rain rainy raining storm stormy thunderstorm wet drizzle",
    "fireflies": "firefly fireflies magic magical fairy lantern lanterns sparks embers campfire",
}
_FIGURES = {
    "marble": "marble ball sphere orb bubble apple pear grapes",
    "walker": "animal fox dog puppy wolf cat kitten horse deer bear rabbit elephant cow sheep zebra giraffe lion tiger "
    "camel panda squirrel goat pig leopard",
    "bird": "bird birds eagle seagull gull crane owl duck swan parrot crow dragon butterfly bat hawk",
    "fish": "fish whale dolphin shark turtle orca",
    "boat": "boat ship sail sailboat yacht canoe kayak ferry",
    "car": "car cars taxi bus truck van vehicle train tram motorcycle bike bicycle cyclist",
    "balloon": "balloon balloons airship kite lantern",
    "plane": "plane airplane aircraft jet drone helicopter rocket spaceship spacecraft ufo",
    "person": "person man woman girl boy child people runner dancer hiker astronaut robot king queen warrior knight "
    "surfer skier couple monk lady guy samurai he she",
}
_FUR: dict[str, Colour] = {
    "fox": (214, 98, 38),
    "lion": (204, 150, 74),
    "tiger": (226, 128, 44),
    "elephant": (122, 122, 134),
    "zebra": (214, 214, 214),
    "bear": (92, 62, 44),
    "panda": (228, 228, 226),
    "horse": (128, 76, 44),
    "deer": (164, 108, 62),
    "camel": (196, 150, 96),
    "giraffe": (216, 168, 84),
    "wolf": (116, 118, 128),
    "cat": (84, 78, 84),
    "sheep": (232, 228, 218),
    "rabbit": (206, 196, 184),
}
_MOVE = re.compile(r"\[([^\[\]]{1,200})\]")
_MOVES = (
    "truck left",
    "truck right",
    "pan left",
    "pan right",
    "push in",
    "pull out",
    "pedestal up",
    "pedestal down",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "shake",
    "tracking shot",
    "static shot",
)


@dataclass(frozen=True)
class Palette:
    """Colours that go together, from the top of the sky to what is near."""

    top: Colour
    middle: Colour
    low: Colour
    light: Colour
    far: Colour
    hill: Colour
    near: Colour


_WARM, _COOL = (255, 232, 190), (236, 240, 255)
# fmt: off
_PALETTES = {
    "dawn": (
        Palette((84, 110, 160), (222, 160, 160), (255, 214, 170), _WARM,
                (150, 140, 175), (104, 100, 140), (58, 58, 92)),
        Palette((58, 84, 128), (236, 150, 128), (255, 205, 150), _WARM,
                (140, 120, 150), (92, 84, 116), (44, 44, 70)),
        Palette((96, 130, 150), (198, 190, 180), (250, 226, 196), _WARM,
                (150, 164, 168), (98, 118, 122), (50, 66, 74)),
    ),
    "day": (
        Palette((52, 120, 196), (120, 180, 224), (206, 230, 238), _WARM,
                (134, 170, 190), (92, 140, 120), (48, 96, 72)),
        Palette((36, 104, 160), (130, 190, 205), (238, 236, 214), _WARM,
                (150, 178, 178), (122, 150, 96), (72, 104, 58)),
        Palette((74, 140, 190), (160, 204, 214), (244, 238, 220), _WARM,
                (128, 160, 176), (96, 130, 140), (54, 86, 92)),
    ),
    "sunset": (
        Palette((50, 40, 96), (196, 78, 104), (255, 176, 94), _WARM,
                (120, 66, 108), (78, 44, 84), (36, 24, 52)),
        Palette((30, 52, 92), (214, 110, 88), (255, 196, 120), _WARM,
                (108, 82, 110), (66, 56, 84), (28, 28, 48)),
        Palette((24, 70, 96), (226, 140, 96), (255, 214, 150), _WARM,
                (96, 98, 116), (58, 66, 84), (26, 34, 48)),
    ),
    "night": (
        Palette((8, 14, 40), (22, 38, 84), (62, 84, 132), _COOL, (34, 50, 92), (20, 32, 64), (8, 14, 34)),
        Palette((14, 10, 38), (44, 28, 84), (104, 68, 128), _COOL, (52, 38, 88), (30, 22, 58), (12, 10, 30)),
        Palette((4, 20, 34), (12, 54, 72), (52, 112, 116), _COOL, (24, 62, 76), (12, 40, 52), (4, 18, 28)),
    ),
}
# fmt: on
_TINTS: dict[str, tuple[Colour, float]] = {
    "forest": ((30, 84, 56), 0.45),
    "desert": ((222, 158, 98), 0.6),
    "city": ((40, 46, 66), 0.35),
}


@dataclass(frozen=True)
class Look:
    """What a clip shows.

    Parameters
    ----------
    place : str
        ``meadow``, ``sea``, ``mountain``, ``city``, ``forest``, ``desert``, ``table`` or ``space``.
    light : str
        ``dawn``, ``day``, ``sunset`` or ``night``.
    weather : str
        ``snow``, ``rain``, ``fireflies`` or nothing.
    figure : str
        Who moves: ``marble``, ``walker``, ``bird``, ``fish``, ``boat``, ``car``, ``balloon``, ``plane`` or ``person``.
    figure_colour : Colour
        In which colour.
    palette : Palette
        The colours of the rest.
    """

    place: str
    light: str
    weather: str
    figure: str
    figure_colour: Colour
    palette: Palette


def dice_of(*seeds: object) -> random.Random:
    """Make dice that fall the same for the same seeds, on every machine."""
    digest = hashlib.sha256("\n".join(map(str, seeds)).encode("utf-8", "surrogatepass")).digest()
    return random.Random(digest)  # noqa: S311 - repeatable on purpose


def read_moves(prompt: str) -> tuple[str, ...]:
    """Find the camera commands of a prompt, in order, each once."""
    asked = (part.strip().lower() for found in _MOVE.findall(prompt) for part in found.split(","))
    return tuple(dict.fromkeys(move for move in asked if move in _MOVES))


def read_prompt(prompt: str, *, seed: str) -> Look:
    """Read a prompt.

    Parameters
    ----------
    prompt : str
        As sent.
    seed : str
        What tells this clip from others of the same prompt: its shades differ a little.
    """
    text = _MOVE.sub(" ", prompt).lower()
    words = re.findall(r"[^\W\d_]+", text)
    lots = dice_of("look", text)
    place = _named(_PLACES, words) or lots.choice(("meadow", "mountain", "sea", "forest", "desert", "city"))
    light = _named(_LIGHTS, words) or lots.choice(("dawn", "day", "day", "sunset", "sunset", "night"))
    weather = _named(_WEATHERS, words) or ""
    figure = _named(_FIGURES, words) or lots.choice(("bird", "balloon", "plane", "bird"))
    if place == "space":
        light = "night"
    own = dice_of("shade", text, seed)
    palette = _shaded(_PALETTES[light][lots.randrange(3)], place, weather, (own.random() - 0.5) * 0.05)
    fur = next((_FUR[word] for word in words if word in _FUR), None)
    colour = fur if figure == "walker" and fur else _lively(lots.random())
    if place == "space" and figure == "person":
        colour = (226, 230, 238)
    return Look(place, light, weather, figure, colour, palette)


def _named(names: dict[str, str], words: list[str]) -> str | None:
    """Give the first of the names that most words speak for; None where none does."""
    counts = {name: sum(words.count(known) for known in text.split()) for name, text in names.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours, with so much of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _lively(hue: float) -> Colour:
    """Give a strong, warm-leaning colour."""
    red, green, blue = colorsys.hsv_to_rgb((hue * 0.75 + 0.9) % 1, 0.6, 0.86)
    return round(red * 255), round(green * 255), round(blue * 255)


def _turned(colour: Colour, turn: float) -> Colour:
    """Give a colour with its hue turned a little."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _shaded(palette: Palette, place: str, weather: str, turn: float) -> Palette:
    """Give a palette for a place and a weather."""
    turned = Palette(*(_turned(colour, turn) for colour in vars(palette).values()))
    tint, share = _TINTS.get(place, ((0, 0, 0), 0.0))
    ground = {name: mix(getattr(turned, name), tint, share) for name in ("far", "hill", "near")}
    if place == "desert":
        dim = mix(turned.near, (0, 0, 0), 0.2)
        ground["near"] = mix(ground["near"], dim, 0.35)
    if weather == "snow":
        whiteness = {"far": 0.35, "hill": 0.6, "near": 0.75}
        white = mix(turned.low, (244, 248, 255), 0.75)
        ground = {name: mix(colour, white, whiteness[name]) for name, colour in ground.items()}
    if weather == "rain":
        grey = (96, 108, 122)
        turned = replace(
            turned, **{name: mix(getattr(turned, name), grey, 0.45) for name in ("top", "middle", "low")}
        )
    return replace(turned, **ground)
