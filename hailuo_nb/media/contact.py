"""Contact sheets: frames of many clips on one picture, as it is printed in a paper or pasted into an issue.

In come clips, one after the other, for a strip of frames each, and then a page that says where each strip stands and
what is written beside it; out goes one PNG. Next: `hailuo_nb.media.worker`, which runs this in its own process;
`hailuo_nb.session.sheet` lays the page out by axes.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media import clip

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    Font = PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont

__all__ = ["draw", "paint", "strip", "targets", "thumbnail"]

# What a saved notebook keeps of a clip is two or three pictures; of these the next step up costs a third more.
QUALITY = 42
_GAP = 2
_PAD = 12
_SIZE = 13
_LINE = 18
_HEAD_WIDTH = 170
_TITLE_LINES = 3
_INK, _FAINT, _EMPTY = (28, 28, 30), (98, 98, 104), (232, 232, 236)
# What the font inside Pillow lacks is looked for here; without any of these there are boxes, never an error.
_WIDE_FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf"),
    *("msyh.ttc", "PingFang.ttc", "arial.ttf"),
)
_OWN_LETTERS = 0x250


def targets(frames: int, count: int) -> list[int]:
    """Give which frames stand on a sheet: the first, the last, and those evenly between; the middle one alone."""
    if frames < 1:
        return []
    if count == 1:
        return [(frames - 1) // 2]
    return [round(place * (frames - 1) / (count - 1)) for place in range(count)]


def strip(path: Path, count: int, size: tuple[int, int]) -> bytes:
    """Put frames of a clip side by side, in one pass over it.

    Parameters
    ----------
    path : Path
        A finished clip.
    count : int
        How many frames: exactly the first, the last, and those evenly between.
    size : tuple of int
        Width and height of the room for each; a clip of another shape stands in the middle of it.

    Returns
    -------
    bytes
        A PNG of ``count * width`` and the gaps between by ``height`` pixels.

    Raises
    ------
    ClipInvalid
        The file is not a playable video.
    """
    from PIL import Image

    path = Path(path)
    made = Image.new("RGB", (count * size[0] + (count - 1) * _GAP, size[1]), "white")
    with clip.opened(path) as (container, stream):
        frames = stream.frames or clip.count_frames(container, stream)
        wanted = targets(frames, count)
        done = 0
        picture = None
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                picture = _fitted(frame, size)
                for place in [place for place, at in enumerate(wanted) if at == number]:
                    _put(made, picture, place, size)
                    done += 1
            if done == count:
                break
        # A file may say that it has more frames than it has: its last one stands for those.
        for place in range(done, count if picture is not None else 0):
            assert picture is not None
            _put(made, picture, place, size)
    if picture is None:
        raise ClipInvalid(f"{clip.named(path)} does not decode; fetch it again.")
    return _png(made)


def draw(page: Mapping[str, Any]) -> bytes:
    """Draw a sheet as a PNG; `page` is as in :func:`paint`."""
    return _png(paint(page))


def paint(page: Mapping[str, Any]) -> PIL.Image.Image:
    """Draw a sheet.

    Parameters
    ----------
    page : Mapping
        ``title`` of at most three lines, and ``foot`` of one; ``strip``, width and height of every strip; and
        ``bands``, which stand below each other. A band has ``columns``, the heads of its columns, and ``rows``. A row
        has a ``head`` and ``cells``, each with ``strips`` (a picture as base64, or None for a clip that is not there),
        ``captions`` and ``words``, which stand where a clip is missing.
    """
    from PIL import Image, ImageDraw

    wide, high = page["strip"]
    has_heads = any(row["head"] for band in page["bands"] for row in band["rows"])
    left = _PAD + (_HEAD_WIDTH if has_heads else 0)
    columns = max((len(row["cells"]) for band in page["bands"] for row in band["rows"]), default=1)
    width = left + columns * (wide + _PAD)
    title = _wrapped(page["title"], width - 2 * _PAD, _TITLE_LINES)
    heights = [[_row_height(row, wide, high) for row in band["rows"]] for band in page["bands"]]
    below = _LINE + _PAD if page["foot"] else _PAD
    top = _PAD + len(title) * _LINE + (_PAD // 2 if title else 0)
    heads = [_LINE + 4 if any(band["columns"]) else 0 for band in page["bands"]]
    height = top + sum(heads) + sum(map(sum, heights)) + below
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    _write(pen, title, (_PAD, _PAD), _INK)
    for band, head, rows in zip(page["bands"], heads, heights, strict=True):
        for place, name in enumerate(band["columns"] if head else ()):
            _write(pen, _wrapped(name, wide, 1), (left + place * (wide + _PAD), top), _INK)
        top += head
        for row, row_high in zip(band["rows"], rows, strict=True):
            _write(pen, _wrapped(row["head"], _HEAD_WIDTH - _PAD, max(1, high // _LINE)), (_PAD, top), _INK)
            for place, cell in enumerate(row["cells"]):
                _draw_cell(sheet, pen, cell, (left + place * (wide + _PAD), top), (wide, high))
            top += row_high
    _write(pen, _wrapped(page["foot"], width - 2 * _PAD, 1), (_PAD, height - _LINE - _PAD // 2), _FAINT)
    return sheet


@lru_cache(maxsize=512)  # a twin is rewritten whenever a clip arrives, with the same posters
def thumbnail(poster: bytes, width: int = 192) -> bytes:
    """Make a small JPEG of a poster: about 1.5 kB.

    Parameters
    ----------
    poster : bytes
        A JPEG.
    width : int
        Of the result, in pixels; a smaller poster stays as it is.

    Returns
    -------
    bytes
        A JPEG; empty if the poster cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(poster)) as image:
            image.draft("RGB", (width, width))  # decodes at half or a quarter of the size: much quicker
            small = image.convert("RGB")
    except (OSError, ValueError):
        return b""
    small.thumbnail((width, width))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def _row_height(row: Mapping[str, Any], wide: int, high: int) -> int:
    """Give how high a row is: its fullest cell."""
    cells = [sum(_clip_height(text, wide, high) for text in cell["captions"]) for cell in row["cells"]]
    return max([high + _PAD, *cells])


def _clip_height(caption: str, wide: int, high: int) -> int:
    return high + len(_wrapped(caption, wide, 2)) * _LINE + _PAD


def _draw_cell(
    sheet: PIL.Image.Image,
    pen: PIL.ImageDraw.ImageDraw,
    cell: Mapping[str, Any],
    at: tuple[int, int],
    size: tuple[int, int],
) -> None:
    """Draw the clips of one cell below each other."""
    (left, top), (wide, high) = at, size
    for data, caption, words in zip(cell["strips"], cell["captions"], cell["words"], strict=True):
        if data is None:
            pen.rectangle((left, top, left + wide - 1, top + high - 1), fill=_EMPTY)
            said = _wrapped(words, wide - 2 * _PAD, max(1, (high - _PAD) // _LINE))
            _write(pen, said, (left + _PAD, top + max(2, (high - len(said) * _LINE) // 2)), _FAINT)
        else:
            _paste(sheet, base64.b64decode(data), (left, top), size)
        _write(pen, _wrapped(caption, wide, 2), (left, top + high + 1), _FAINT)
        top += _clip_height(caption, wide, high)


def _paste(sheet: PIL.Image.Image, data: bytes, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Put a picture into the middle of its room; one that cannot be read leaves it empty."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", size)  # a JPEG decodes at half or a quarter of its size: much quicker
            picture = opened.convert("RGB")
    except (OSError, ValueError):
        return
    picture.thumbnail(size)
    sheet.paste(picture, (at[0] + (size[0] - picture.width) // 2, at[1] + (size[1] - picture.height) // 2))


def _fitted(frame: Any, size: tuple[int, int]) -> PIL.Image.Image:
    """Give a frame at the size of its room, its shape kept; scaled while it is decoded, which is quickest."""
    scale = min(size[0] / frame.width, size[1] / frame.height)
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    from av.video.reformatter import Interpolation

    small = frame.reformat(width=width, height=height, format="rgb24", interpolation=Interpolation.AREA)
    picture: PIL.Image.Image = small.to_image()
    return picture


def _put(made: PIL.Image.Image, picture: PIL.Image.Image, place: int, size: tuple[int, int]) -> None:
    left = place * (size[0] + _GAP) + (size[0] - picture.width) // 2
    made.paste(picture, (left, (size[1] - picture.height) // 2))


def _write(
    pen: PIL.ImageDraw.ImageDraw, lines: Sequence[str], at: tuple[int, int], ink: tuple[int, int, int]
) -> None:
    """Write lines below each other."""
    for number, line in enumerate(lines):
        font = _font(line)
        try:
            pen.text((at[0], at[1] + number * _LINE), line, fill=ink, font=font)
        except UnicodeError:  # the font of a Pillow without FreeType has Latin letters only
            plain = line.encode("ascii", "replace").decode("ascii")
            pen.text((at[0], at[1] + number * _LINE), plain, fill=ink, font=font)


def _font(text: str) -> Font:
    """Give the font inside Pillow, or a wider one of this machine where that one lacks a letter."""
    return _loaded(any(ord(letter) >= _OWN_LETTERS and letter not in "…·–—’‘“”" for letter in text))


@cache
def _loaded(is_wide: bool) -> Font:
    """Load one of the two fonts once; texts are measured word by word."""
    from PIL import ImageFont

    for name in _WIDE_FONTS if is_wide else ():
        try:
            return ImageFont.truetype(name, _SIZE)
        except OSError:
            continue
    return ImageFont.load_default(_SIZE)


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Break a text into at most so many lines, the last with an ellipsis where there is more."""
    words = _plain(text)[: most * 300].split(" ")
    lines: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if _length(longer) <= width:
            line = longer
            continue
        lines += [line] if line else []
        line = word
        if len(lines) == most:
            return [*lines[:-1], _cut(f"{lines[-1]} {word}", width)]
    return [*lines, _cut(line, width)] if line else lines


def _cut(line: str, width: int) -> str:
    """Shorten a line to a width, with an ellipsis."""
    if _length(line) <= width:
        return line
    while line and _length(line + "…") > width:
        line = line[:-1]
    return line.rstrip(" ,.;:") + "…"


def _length(text: str) -> float:
    try:
        return float(_font(text).getlength(text))
    except UnicodeError:
        return 7.0 * len(text)


def _plain(text: str) -> str:
    """Give a text in one line, without what has no shape, such as control characters and halves of pairs."""
    kept = (letter if unicodedata.category(letter)[0] != "C" else " " for letter in text)
    return " ".join("".join(kept).split())


def _png(picture: PIL.Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
