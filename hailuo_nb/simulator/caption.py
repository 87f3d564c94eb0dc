"""What is burnt into every frame: SIMULATED, the prompt, the variant, the number, and how far the clip is.

In come those words, out goes a `Caption` that writes them onto the planes of a frame. Next:
:mod:`~hailuo_nb.simulator.film`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Caption", "make_caption"]

Bytes = npt.NDArray[np.uint8]
Shorts = npt.NDArray[np.uint16]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LINES = 3
_WHITE, _FILL = 232, 210
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
    """Words over a frame: what is kept of the picture (of 256) and what is added to it."""

    top: int
    keep: Shorts
    add: Shorts
    mark_keep: Shorts
    mark_add: Shorts
    colour_keep: Shorts
    bar_y: int
    bar_high: int
    left: int
    right: int

    def write(self, y: Bytes, u: Bytes, v: Bytes, part: float) -> None:
        """Write onto the planes of a frame; `part` says how far the clip is, from 0 to 1."""
        high, wide = self.mark_keep.shape
        y[:high, :wide] = (y[:high, :wide] * self.mark_keep >> 8) + self.mark_add
        y[self.top :] = (y[self.top :] * self.keep >> 8) + self.add
        for plane in (u, v):
            below = plane[self.top // 2 :]
            below[:] = ((below.astype(np.int16) - 128) * self.colour_keep.view(np.int16) >> 8) + 128
        end = self.left + round((self.right - self.left) * part)
        y[self.bar_y : self.bar_y + self.bar_high, self.left : end] = _FILL
        u[self.bar_y // 2 : (self.bar_y + self.bar_high) // 2, self.left // 2 : end // 2] = 128
        v[self.bar_y // 2 : (self.bar_y + self.bar_high) // 2, self.left // 2 : end // 2] = 128


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
    keep, add = _over(text, _scrim(height - top, width, 0.95 if over_words else 0.72))
    colour_keep = keep[::2, ::2][: (height // 2) - top // 2, : width // 2]
    mark_keep, mark_add = _mark(width, pad, small)
    bar_high = max(2, 2 * round(2.5 * unit))
    track = slice(bar_y - top, bar_y - top + bar_high)
    keep[track, pad : width - pad], add[track, pad : width - pad] = 150, 40
    return Caption(
        top,
        keep,
        add,
        mark_keep,
        mark_add,
        np.ascontiguousarray(colour_keep),
        bar_y,
        bar_high,
        pad,
        width - pad,
    )


def _scrim(high: int, wide: int, dark: float) -> npt.NDArray[np.float32]:
    """How much of the picture is left under the words: all above, little below."""
    part = np.linspace(0, 1, high, dtype=np.float32)
    smooth = np.clip(part * 1.7, 0, 1)
    smooth = smooth * smooth * (3 - 2 * smooth)
    return np.repeat((1 - dark * smooth)[:, None], wide, axis=1)


def _over(text: Image.Image, left: npt.NDArray[np.float32]) -> tuple[Shorts, Shorts]:
    """Tell what to keep and what to add, for light words on a darkened picture."""
    ink = np.asarray(text, np.float32) / 255
    keep = left * (1 - ink)
    add = 16 * (1 - left) * (1 - ink) + _WHITE * ink
    return (keep * 256).astype(np.uint16), add.astype(np.uint16)


def _mark(width: int, pad: int, size: int) -> tuple[Shorts, Shorts]:
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
