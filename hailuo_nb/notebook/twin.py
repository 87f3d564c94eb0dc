"""The static twin of a card: HTML that needs no kernel and no style sheet.

In come a :class:`~hailuo_nb.notebook.view.CardView` and the posters that are there, out goes a MIME bundle of
HTML, plain text and a contact sheet. It is what a saved notebook holds, and what stands beside the live
widget from the first moment, already naming every clip and pointing at its file.

Its look is in ``style`` attributes, because an untrusted notebook loses ``<style>``; only the grid by axes has a sheet
besides, which moves its heads to the edges of the table where there is room. JupyterLab's
sanitizer (measured on 4.6) then keeps flex boxes, positions, paddings and ``rgba()`` colours; it drops
``aspect-ratio``, ``object-fit`` and ``var()``. So text inherits the front end's colours, grounds and lines
are translucent grey, which is right in light and dark, and the 16:9 frame is held open by its padding. The only
script are the constants of :mod:`hailuo_nb.notebook.handlers`, which it drops too.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from hailuo_nb.notebook.handlers import CARD_HANDLERS, PLAYER_HANDLERS
from hailuo_nb.notebook.markup import NO_MATH, widget_hider
from hailuo_nb.notebook.markup import bdi as _bdi
from hailuo_nb.notebook.markup import data_uri as _data_uri
from hailuo_nb.notebook.markup import escaped as _escape
from hailuo_nb.notebook.sheet import Tile, sheet_jpeg, thumbnail
from hailuo_nb.notebook.view import (
    WIDE_BRIEF,
    CardView,
    ClipView,
    Earlier,
    Group,
    Word,
    brief,
    counts_text,
    cut,
    icon_for,
    plain,
    progress_text,
    safe_src,
)

__all__ = ["batch_class", "clip_class", "headline_html", "twin_bundle", "twin_html", "twin_text"]

POSTER_WIDTH = 480
"""Of one clip alone; more of them have posters of their tiles' size, since a notebook is a file that one sends."""

# static/card.css holds the same measures, so that nothing moves when the twin takes the widget's place.
_ROOT = "margin:0;font-size:13px;line-height:20px;overflow-wrap:break-word"
_FLOW = "display:flex;flex-wrap:wrap;gap:4px 12px;margin:0"
_FRAME = (
    "position:relative;width:100%;height:0;margin:0;padding:0 0 56.25%;overflow:hidden;"
    "border-radius:4px;background:rgba(128,128,128,0.16)"
)
_FILL = "position:absolute;top:0;left:0;width:100%;height:100%;max-width:100%;margin:0"
_ROW = "display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px;margin:6px 0 0"
_WHY = "position:absolute;top:32px;left:10px;right:10px;bottom:34px;overflow:auto;line-height:18px;margin:0"
_DO = "position:absolute;left:10px;right:10px;bottom:9px;font-size:12px;margin:0"
_EDGE = "position:absolute;left:0;right:0;bottom:0;height:3px;background:#e53935;margin:0"
_TABLE_ROW = "display:flex;gap:12px;padding:4px 0;margin:0"
_SMALL = "width:112px;flex-shrink:0;margin:0"
_GROW = "flex-grow:1;min-width:0;margin:0"
_QUIET = "opacity:0.78;margin:0"
_LINE = "margin:0"
_PRICE = "white-space:nowrap"
_HEAD = "font-weight:600;margin:0"
_PLACES = "display:flex;flex-wrap:wrap;gap:4px 12px;margin:0 0 8px"


def batch_class(batch: str) -> str:
    """Name the class by which the widget finds its twin (the sanitizer drops ``id`` and ``data-*``)."""
    return "hailuo-b-" + re.sub(r"[^A-Za-z0-9_-]", "-", batch)


def clip_class(key: str) -> str:
    """Name the class by which the widget finds a clip's player in its twin."""
    return "hailuo-k-" + re.sub(r"[^A-Za-z0-9_-]", "-", key)


def twin_html(
    card: CardView, posters: Mapping[str, bytes], *, has_headline: bool = True, now_ms: int | None = None
) -> str:
    """Draw a card as static HTML.

    Parameters
    ----------
    card : CardView
        What to show.
    posters : mapping of str to bytes
        JPEGs by clip key, as far as they are there.
    has_headline : bool
        Whether the quote line stands above; not where a line of its own says it already.
    now_ms : int, optional
        If given, clips on their way say how long they are: the progress of a page where no widget answers.

    Returns
    -------
    str
        HTML without style sheets or foreign addresses; about 10 kB a clip.
    """
    classes = f"hailuo-twin {NO_MATH}" + ("" if card.is_headless else f" {batch_class(card.batch)}")
    parts = [f'<div class="{classes}" style="{_ROOT}"{"" if card.is_table else CARD_HANDLERS}>']
    if has_headline:
        parts.append(headline_html(card))
    if now_ms is not None and not card.is_final:
        parts.append(_line(counts_text(card.clips)))
    if card.note and not card.is_headless:
        parts.append(_line(card.note))
    if card.prompt:
        parts.append(
            f'<div style="max-width:984px;margin:0 0 8px">{_text_block(card.prompt, is_wide=True)}</div>'
        )
    if card.earlier is not None and not card.is_headless:
        parts.append(_earlier(card.earlier, card, posters))
    parts += _places(card, posters, now_ms)
    parts.append("</div>")
    return "".join(parts)


def _places(card: CardView, posters: Mapping[str, bytes], now_ms: int | None) -> list[str]:
    """Draw the clips: rows of a table, one flow, or groups and grids by axes."""
    if card.is_table:
        return [_row(clip, card, posters.get(clip.key, b""), now_ms) for clip in card.clips]
    clips = {clip.key: clip for clip in card.clips}
    width = _tile_width(card)
    size = min(width, POSTER_WIDTH)
    posters = {key: thumbnail(poster, size) for key, poster in posters.items() if poster}

    def tiles(keys: Sequence[str], style: str) -> str:
        return "".join(_tile(clips[key], card, posters.get(key, b""), style, now_ms) for key in keys)

    parts = [f"<style>{_grid_css()}</style>"] if any(group.rows for group in card.groups) else []
    for group in card.groups or (Group("", tuple(clips)),):
        if group.head:
            parts.append(f'<div style="margin:12px 0 6px;{_HEAD}">{_bdi(group.head)}</div>')
        if group.rows:
            most = max(len(keys) for row in group.rows for keys in row.cells)
            # The sheet says it exactly; without it a little room is left over.
            share = (100 - 4.5 * (most - 1)) / most
            style = f"width:{share:.1f}%;min-width:112px;max-width:{width}px;margin:0"
            cells = {keys: tiles(keys, style) for row in group.rows for keys in row.cells}
            parts.append(_grid(group, cells, most, width))
        else:
            parts.append(
                f'<div style="{_FLOW}">{tiles(group.keys, f"width:{width}px;max-width:100%;margin:0")}</div>'
            )
    return parts


def _grid(group: Group, cells: Mapping[tuple[str, ...], str], most: int, width: int) -> str:
    """Draw a table with heads on both sides; `cells` has the tiles of each place."""
    long = " hailuo-long" if group.has_long_heads else ""
    place = f"width:100%;max-width:{most * (width + 12) - 12}px;margin:0"
    heads = "".join(
        f'<div class="hailuo-place" style="{place};{_HEAD}">{_bdi(head)}</div>' for head in group.columns
    )
    corner = f'<div class="hailuo-rowhead" style="{_LINE}"></div>'
    lines = [f'<div class="hailuo-heads" style="{_PLACES};display:none;margin:0 0 6px">{corner}{heads}</div>']
    for row in group.rows:
        places = [f'<div class="hailuo-rowhead" style="width:100%;{_HEAD}">{_bdi(row.head)}</div>']
        for head, keys in zip(group.columns, row.cells, strict=True):
            said = f'<div class="hailuo-colhead" style="margin:0 0 4px">{_bdi(head)}</div>'
            takes = f'<div class="hailuo-takes{min(most, 4)}" style="{_FLOW}">{cells[keys]}</div>'
            flow = said + takes if keys else ""
            none = "" if keys else " hailuo-none"
            hidden = "" if keys else ";display:none"
            places.append(f'<div class="hailuo-place{none}" style="{place}{hidden}">{flow}</div>')
        lines.append(f'<div class="hailuo-line" style="{_PLACES}">{"".join(places)}</div>')
    return f'<div class="hailuo-lines hailuo-of{len(group.columns)}{long}">{"".join(lines)}</div>'


@cache
def _grid_css() -> str:
    """Give the sheet of the grid, without its comment."""
    text = (Path(__file__).parent / "static" / "grid.css").read_text("utf-8")
    return " ".join(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split())


def _earlier(earlier: Earlier, card: CardView, posters: Mapping[str, bytes]) -> str:
    """Draw the version before, folded: both texts with what changed marked, and its clips."""
    width = min(_tile_width(card), 320)
    style = f"width:{width}px;max-width:100%;margin:0"
    small = {clip.key: thumbnail(posters[clip.key]) for clip in earlier.clips if posters.get(clip.key)}
    tiles = "".join(_tile(clip, card, small.get(clip.key, b""), style, None) for clip in earlier.clips)
    more = _line(earlier.more) if earlier.more else ""
    texts = "".join(
        f'<div style="white-space:pre-wrap;max-width:984px;margin:0 0 4px">{said}: {_marked(words, tag)}</div>'
        for said, words, tag in (("was", earlier.was, "del"), ("now", earlier.now, "ins"))
        if words
    )
    return (
        f'<details style="margin:0 0 10px"><summary style="cursor:pointer" title="{_escape(earlier.title)}">'
        f'<span style="{_QUIET}">{_bdi(earlier.line)}</span></summary>'
        f'<div style="margin:6px 0 12px;padding:0 0 0 12px;border-left:2px solid rgba(128,128,128,0.35)">{texts}'
        f'<div style="{_FLOW};padding:6px 0 0">{tiles}</div>{more}</div></details>'
    )


def _marked(words: Sequence[Word], tag: str) -> str:
    """Write a text with its changed words struck out or underlined."""
    return "".join(
        f"<{tag}>{_bdi(word.text)}</{tag}>" if word.is_changed else _bdi(word.text) for word in words
    )


def _headline(card: CardView) -> str:
    """Give the quote line that stands above a card."""
    words = ("simulated" if card.is_simulated else "", card.headline, card.shared)
    return " · ".join(word for word in words if word)


def headline_html(card: CardView) -> str:
    """Draw the quote line that stands above a card."""
    said = _escape(_headline(card))
    if not said:
        return ""
    name = "" if card.is_headless else f" {batch_class(card.batch)}-head"
    return (
        f'<div class="{NO_MATH}{name}" style="font-size:13px;line-height:20px;margin:0 0 10px">{said}</div>'
    )


def twin_text(card: CardView, *, now_ms: int | None = None) -> str:
    """Write a card as plain text: the quote line, then one line for each clip.

    Parameters
    ----------
    card : CardView
        What to show.
    now_ms : int, optional
        As in :func:`twin_html`.
    """
    note = "" if card.is_headless else card.note
    lines = [_one_line(_headline(card)), _one_line(note), _one_line(brief(card.prompt))]
    return "\n".join(
        [line for line in lines if line] + [_clip_text(clip, card, now_ms) for clip in card.clips]
    )


def twin_bundle(
    card: CardView,
    posters: Mapping[str, bytes],
    *,
    has_headline: bool = True,
    has_sheet: bool = True,
    has_widget: bool = False,
    now_ms: int | None = None,
) -> dict[str, str]:
    """Give the bundle to display: ``text/html``, ``text/plain``, and ``image/jpeg`` where there are posters.

    Parameters
    ----------
    card, posters, has_headline, now_ms
        As in :func:`twin_html`.
    has_sheet : bool
        Whether to draw the contact sheet; not while clips are still to come.
    has_widget : bool
        Whether the widget's output stands just before it.
    """
    hider = widget_hider("hailuo-card", batch_class(card.batch)) if has_widget else ""
    bundle = {
        "text/html": hider + twin_html(card, posters, has_headline=has_headline, now_ms=now_ms),
        "text/plain": twin_text(card, now_ms=now_ms),
    }
    if has_sheet and (sheet := _sheet(card, posters, has_headline=has_headline)):
        bundle["image/jpeg"] = b64encode(sheet).decode("ascii")
    return bundle


def _sheet(card: CardView, posters: Mapping[str, bytes], *, has_headline: bool) -> bytes:
    """Draw the card as one picture, with what it says; without any poster there is none."""
    prompt = _one_line(brief(card.prompt, WIDE_BRIEF))
    title = " · ".join(part for part in (_headline(card) if has_headline else "", prompt) if part)
    tiles = [
        Tile(posters.get(clip.key, b""), _told(clip, card), " · ".join(filter(None, (clip.word, clip.why))))
        for clip in card.clips
    ]
    return sheet_jpeg(tiles, title)


def _told(clip: ClipView, card: CardView) -> str:
    """Say under a poster what the clip is and what it cost, or will."""
    prompt = "" if clip.is_said or clip.prompt == card.prompt else brief(clip.prompt)
    return " · ".join(_one_line(part) for part in (clip.title, _price_text(clip, card), prompt) if part)


def _tile_width(card: CardView) -> int:
    """Give the width of a tile: one clip may be large, but no clip is wider than its own picture."""
    width = 640 if len(card.clips) == 1 else 320
    return min([width, *(clip.width for clip in card.clips if clip.width)])


def _tile(clip: ClipView, card: CardView, poster: bytes, style: str, now_ms: int | None) -> str:
    """Draw one clip: its frame, caption and price, and the lines below."""
    return (
        f'<div class="hailuo-tile" style="{style}">'
        f'<div style="{_FRAME}">{_frame(clip, card, poster, now_ms)}</div>'
        f'<div style="{_ROW}"><span style="min-width:0">{_bdi(_caption(clip))}</span>'
        f"{_price(clip, card)}</div>{_lines(clip, card, clip.why)}</div>"
    )


def _caption(clip: ClipView) -> str:
    """Give what stands under a frame; nothing where heads say it all."""
    return clip.caption or ("" if clip.label else clip.name)


def _lines(clip: ClipView, card: CardView, said: str) -> str:
    """Draw what stands below a caption: what is odd and was not said yet, prompt, file."""
    parts = [_line(text) for text in _remarks(clip, card) if text != said]
    if clip.prompt and clip.prompt != card.prompt and not clip.is_said:
        parts.append(f'<div style="{_LINE}">{_text_block(clip.prompt, is_wide=len(card.clips) == 1)}</div>')
    parts.append(_file_line(clip))
    if not card.is_table:
        parts.append(f'<div style="{_QUIET};font-size:12px;min-height:20px">{_one_more(clip, card)}</div>')
    return "".join(parts)


def _one_more(clip: ClipView, card: CardView) -> str:
    """Name the option that makes another take, where the widget has a button; its line is there either way."""
    if card.is_headless or clip.word != "done":
        return ""
    return "".join(
        f"<code>{_escape(one.command)}</code> for another" for one in clip.actions[:1] if one.command
    )


def _frame(clip: ClipView, card: CardView, poster: bytes, now_ms: int | None) -> str:
    """Fill the frame: the player, or why there is none and what can be done."""
    src = safe_src(clip.src)
    has_player = bool(src) and clip.status not in {"failed", "cancelled", "abandoned"}
    parts = [_player(clip, src, poster)] if has_player else []
    if clip.word != "done":
        parts.append(_badge(clip, now_ms))
    if clip.why and clip.why in _remarks(clip, card):
        parts.append(f'<div style="{_WHY}">{_bdi(cut(clip.why))}</div>')
    if commands := _commands(clip, card):
        parts.append(f'<div style="{_DO}">{commands}</div>')
    if clip.word == "failed":
        parts.append(f'<div style="{_EDGE}"></div>')
    return "".join(parts)


def _player(clip: ClipView, src: str, poster: bytes) -> str:
    """Write the player, with a small picture and a link inside for where players are stripped."""
    said = plain(f"{clip.title}: {brief(clip.prompt)}")
    image = f' poster="{_data_uri(poster)}"' if poster else ""
    size = f' width="{clip.width}" height="{clip.height}"' if clip.width and clip.height else ""
    small = thumbnail(poster) if poster else b""
    inner = f'<img src="{_data_uri(small)}" alt="{escape(said)}">' if small else _escape(said)
    return (
        f'<video class="{clip_class(clip.key)}" src="{escape(src)}"{image}{size} controls loop muted playsinline '
        f'preload="none" aria-label="{escape(said)}" style="{_FILL};cursor:pointer"{PLAYER_HANDLERS}>'
        f'<a href="{escape(src)}">{inner}</a></video>'
    )


def _badge(clip: ClipView, now_ms: int | None) -> str:
    """Write sign and word of an unfinished clip into the upper left of its frame."""
    said = progress_text(clip, now_ms) if not clip.is_final and now_ms is not None else clip.word
    return (
        '<span style="position:absolute;top:8px;left:10px;right:10px;margin:0">'
        f"{_icon(clip)} {_escape(said)}</span>"
    )


def _icon(clip: ClipView) -> str:
    """Write the sign of a clip's word; red for a failure, in a red that is seen on light and on dark."""
    colour = ' style="color:#e53935"' if clip.word == "failed" else ""
    return f"<span{colour}>{escape(icon_for(clip.word))}</span>"


def _remarks(clip: ClipView, card: CardView) -> list[str]:
    """List the lines under a caption; headless only what is the same in every run."""
    stable = [clip.error, clip.hint if clip.error else "", clip.note]
    if card.is_headless:
        return [text for text in stable if text]
    return [text for text in [clip.error, clip.hint, clip.cached_note, clip.cost_note, clip.note] if text]


def _commands(clip: ClipView, card: CardView) -> str:
    """Write the commands that do what the widget's buttons do; headless they would hold ids, which differ."""
    commands = [action for action in clip.actions if action.command and action.is_enabled]
    # Of a clip that is there nothing has to be done; its frame is for its picture.
    if card.is_headless or not commands or clip.status in {"planned", "completed"}:
        return ""
    return " · ".join(f"{_escape(one.label)}: <code>{_escape(one.command)}</code>" for one in commands)


def _price(clip: ClipView, card: CardView) -> str:
    """Write the price, and always that it is only simulated."""
    said = plain(_price_text(clip, card))
    return f'<span style="{_PRICE}">{_escape(said)}</span>' if said else ""


def _price_text(clip: ClipView, card: CardView) -> str:
    is_simulated = clip.is_simulated or card.is_simulated
    return f"simulated {clip.price}".strip() if is_simulated else clip.price


def _file_line(clip: ClipView) -> str:
    """Link to the file, or say where it will be."""
    src = safe_src(clip.src)
    if not clip.file or clip.status in {"failed", "cancelled", "abandoned"}:
        return ""
    if clip.word == "done":
        body = f'<a href="{escape(src)}">{_bdi(clip.file)}</a>' if src else _bdi(clip.file)
    else:
        link = f'<a href="{escape(src)}">{_bdi(clip.file)}</a>' if src else _bdi(clip.file)
        body = f"will be {link}"
    return f'<div style="{_QUIET};font-size:12px">{body}</div>'


def _row(clip: ClipView, card: CardView, poster: bytes, now_ms: int | None) -> str:
    """Draw one of many clips: a small picture that links, and its lines beside it."""
    said = clip.word if clip.is_final or now_ms is None else progress_text(clip, now_ms)
    word = f'<span style="margin:0">{_icon(clip)} {_escape(said)}</span>'
    commands = _commands(clip, card)
    to_do = f'<div style="{_QUIET}">{commands}</div>' if commands else ""
    return (
        f'<div class="hailuo-tile" style="{_TABLE_ROW}">'
        f'<div style="{_SMALL}"><div style="{_FRAME}">{_small(clip, poster)}</div></div>'
        f'<div style="{_GROW}"><div style="{_ROW};margin:0">'
        f'<span style="{_GROW}">{_bdi(_caption(clip))}</span>{word}{_price(clip, card)}'
        f"</div>{to_do}{_lines(clip, card, '')}</div></div>"
    )


def _small(clip: ClipView, poster: bytes) -> str:
    """Fill a small frame with a thumbnail that links: 200 posters would be two megabytes."""
    src = safe_src(clip.src)
    small = thumbnail(poster) if poster else b""
    said = escape(plain(f"{clip.title}: {brief(clip.prompt)}"))
    if not small:
        return ""
    image = f'<img class="{clip_class(clip.key)}" src="{_data_uri(small)}" alt="{said}" style="{_FILL}">'
    return f'<a href="{escape(src)}">{image}</a>' if src else image


def _clip_text(clip: ClipView, card: CardView, now_ms: int | None) -> str:
    """Write one clip as one line of plain text."""
    word = clip.word if clip.is_final or now_ms is None else progress_text(clip, now_ms)
    price = _price_text(clip, card)
    is_gone = clip.status in {"failed", "cancelled", "abandoned"}
    file = clip.file if clip.word == "done" else f"will be {clip.file}" if clip.file and not is_gone else ""
    prompt = "" if clip.is_said or clip.prompt == card.prompt else brief(clip.prompt)
    parts = [
        clip.title,
        "" if clip.word == "done" else word,
        price,
        *_remarks(clip, card),
        file,
        prompt,
    ]
    return "  " + " · ".join(_one_line(part) for part in parts if part)


def _text_block(text: str, *, is_wide: bool) -> str:
    """Show a text in about two lines, with all of it on demand."""
    short = brief(text, WIDE_BRIEF) if is_wide else brief(text)
    if short == text:
        return _bdi(text)
    # pre-wrap keeps the line ends of a prompt that has several
    return (
        f'<details style="margin:0"><summary style="cursor:pointer">{_bdi(short)}</summary>'
        f'<div style="white-space:pre-wrap;margin:4px 0 8px">{_bdi(cut(text))}</div></details>'
    )


def _one_line(text: str) -> str:
    """Give text for one line of plain output."""
    return " ".join(plain(cut(text)).split())


def _line(text: str) -> str:
    """Write one quiet line."""
    return f'<div style="{_QUIET}">{_bdi(cut(text))}</div>'
