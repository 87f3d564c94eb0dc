"""What is burnt into every frame: SIMULATED, the prompt, the variant, the number, and how far the clip is.

In come those words, out goes a `Caption` that writes them onto a frame. Next:
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hailuo_nb.simulator.planes import Planes

__all__ = ["Caption", "make_caption"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LINES = 3
_WHITE, _FILL = 232, 210
# The way the bar has yet to go.
_TRACK, _TRACK_COVER = 97, 106
# Letters the shipped font lacks are looked for here; without any of these they are boxes, never an error.
_OTHER_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)


@dataclass(frozen=True)
class Caption:
    """Words over a frame: what is laid over its brightness, and how much of it, here and in the colours.

    Attributes
    ----------
    top : int
        From which row on the words lie; the mark lies in the upper left corner.
    words, words_mask, mark, mark_mask : Image
        The brightness of words and shade, and where they cover what.
    colour_mask : Image
        Where colours fade.
    bar : tuple of int
        Left, top, right and bottom of the bar that grows.
    """

    top: int
    words: Image.Image
    words_mask: Image.Image
    mark: Image.Image
    mark_mask: Image.Image
    colour_mask: Image.Image
    bar: tuple[int, int, int, int]

    def write(self, frame: Planes, part: float) -> None:
        """Write onto a frame; `part` says how far the clip is, from 0 to 1."""
        frame.y.paste(self.mark, (0, 0), self.mark_mask)
        frame.y.paste(self.words, (0, self.top), self.words_mask)
        below = (0, self.top // 2, *frame.u.size)
        left, upper, right, lower = self.bar
        bar = (left, upper, left + round((right - left) * part), lower)
        frame.y.paste(_FILL, bar)
        half_bar = (bar[0] // 2, upper // 2, bar[2] // 2, lower // 2)
        for plane in (frame.u, frame.v):
            plane.paste(128, below, self.colour_mask)
            plane.paste(128, half_bar)


def make_caption(
    prompt: str,
    variant: str,
    take: int,
    length_s: int,
    size: tuple[int, int],
    *,
    over_words: bool = False,
) -> Caption:
    """Lay the words out.

    Parameters
    ----------
    prompt : str
        As sent; at most three lines of it are shown.
    variant : str
        Its short name.
    take : int
        The number of this submission of the same inputs.
    length_s : int
        Seconds of the clip.
    size : tuple of int
        Width and height of the frame.
    over_words : bool
        The picture below may be a frame of another clip, whose words must not shine through.
    """
    width, height = size
    unit = min(height, width * 9 / 16) / 768
    pad, big, small = round(36 * unit), round(33 * unit), round(25 * unit)
    font, label = _font(big, prompt), _font(small, variant)
    lines = _wrapped(_plain(prompt), font, width - 2 * pad, _LINES)
    line_high = round(42 * unit)
    text_top = height - pad - round(30 * unit) - line_high * len(lines) - round(6 * unit)
    top = 2 * ((text_top - round(72 * unit)) // 2)
    text = Image.new("L", (width, height - top), 0)
    draw = ImageDraw.Draw(text)
    for number, line in enumerate(lines):
        draw.text((pad, text_top - top + number * line_high), line, fill=255, font=font)
    foot = height - pad - round(24 * unit) - top
    draw.text((pad, foot), variant, fill=205, font=label)
    right = f"#{take}  ·  {length_s} s"
    draw.text((width - pad - draw.textlength(right, font=label), foot), right, fill=205, font=label)
    bar_y = 2 * ((height - round(16 * unit)) // 2)
    bar_high = max(2, 2 * round(2.5 * unit))
    bar = (pad, bar_y, width - pad, bar_y + bar_high)
    words, cover = _over(text, _scrim(height - top, width, 0.95 if over_words else 0.72))
    track = (pad, bar_y - top, width - pad, bar_y - top + bar_high)
    words.paste(_TRACK, track)
    cover.paste(_TRACK_COVER, track)
    half = cover.resize((width // 2, height // 2 - top // 2), Image.Resampling.NEAREST)
    mark, mark_cover = _mark(width, pad, small)
    return Caption(top, words, cover, mark, mark_cover, half, bar)


def _scrim(high: int, wide: int, dark: float) -> npt.NDArray[np.float32]:
    """How much of the picture is left under the words: all above, little below."""
    part = np.linspace(0, 1, high, dtype=np.float32)
    smooth = np.clip(part * 1.7, 0, 1)
    smooth = smooth * smooth * (3 - 2 * smooth)
    return np.repeat((1 - dark * smooth)[:, None], wide, axis=1)


def _over(text: Image.Image, left: npt.NDArray[np.float32]) -> tuple[Image.Image, Image.Image]:
    """Give what is laid over, and how much it covers, for light words on a darkened picture."""
    ink = np.asarray(text, np.float32) / 255
    cover = 1 - left * (1 - ink)
    shade = 16 * (1 - left) * (1 - ink) + _WHITE * ink
    return _plane(shade / np.maximum(cover, np.float32(1 / 255))), _plane(cover * 255)


def _plane(values: npt.NDArray[np.floating[Any]]) -> Image.Image:
    return Image.fromarray((values + np.float32(0.5)).astype(np.uint8))


def _mark(width: int, pad: int, size: int) -> tuple[Image.Image, Image.Image]:
    """Draw SIMULATED in a quiet box in the upper left corner."""
    font = _font(size, "")
    words = " ".join("SIMULATED")
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    wide = round(probe.textlength(words, font=font)) + round(size * 1.2)
    high = round(size * 1.7)
    canvas = (min(width, pad + wide + 4), pad + high + 4)
    box, ink = Image.new("L", canvas, 0), Image.new("L", canvas, 0)
    ImageDraw.Draw(box).rounded_rectangle((pad, pad, pad + wide, pad + high), radius=high / 4, fill=150)
    ImageDraw.Draw(ink).text(
        (pad + round(size * 0.6), pad + high / 2), words, fill=255, font=font, anchor="lm"
    )
    return _over(ink, (255 - np.asarray(box, np.float32)) / np.float32(255))


def _font(size: int, text: str) -> Font:
    """Give the font shipped with Pillow, or another where that one lacks a letter of the text."""
    own = ImageFont.load_default(size)
    if all(ord(letter) < 0x250 for letter in text):
        return own
    for name in _OTHER_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return own


def _plain(text: str) -> str:
    """Text on one line, without what has no shape: control characters, direction marks, lone surrogates."""
    return " ".join(
        "".join(letter if unicodedata.category(letter)[0] != "C" else " " for letter in text).split()
    )


def _wrapped(text: str, font: Font, width: float, most: int) -> list[str]:
    """Break a text into lines, the last one with an ellipsis where there is more."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    lines: list[str] = []
    # More than this does not fit in any case, and measuring it all takes time.
    rest = text[: most * 200]
    while rest and len(lines) < most:
        end = _fitting(draw, rest, font, width)
        if end < len(rest):
            space = rest.rfind(" ", 1, end + 1)
            end = space if space > end // 2 else end
        lines.append(rest[:end].strip())
        rest = rest[end:].strip()
    if rest and lines:
        last = lines[-1]
        while last and draw.textlength(last + " …", font=font) > width:
            last = last[:-1]
        lines[-1] = last.rstrip(" ,.;:") + " …"
    return lines


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: Font, width: float) -> int:
    """How many letters fit."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if draw.textlength(text[:middle], font=font) <= width:
            low = middle
        else:
            high = middle - 1
    return low
