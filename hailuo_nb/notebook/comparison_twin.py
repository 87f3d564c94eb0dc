"""The static twin of a comparison: the grid with its heads and players, in HTML that needs no kernel.

In come a :class:`~hailuo_nb.notebook.comparison.Comparison` and the posters that are there; out goes a MIME bundle. It
is what a saved notebook holds. As in :mod:`hailuo_nb.notebook.twin`, all of its look is in ``style`` attributes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from hailuo_nb.notebook.comparison import Compared, Comparison, head_text
from hailuo_nb.notebook.handlers import CARD_HANDLERS
from hailuo_nb.notebook.markup import NO_MATH, bdi, widget_hider
from hailuo_nb.notebook.sheet import Tile, sheet_jpeg, thumbnail
from hailuo_nb.notebook.twin import _FRAME, _frame, _text_block, batch_class
from hailuo_nb.notebook.view import WIDE_BRIEF, CardView, ClipView, brief, plain

__all__ = ["comparison_bundle", "comparison_html", "stars_text"]

# As on a card: only small posters fit into a notebook that is passed on.
_POSTER_WIDTH = 320
_HEAD_WIDTH = 88


def comparison_bundle(
    shown: Comparison, posters: Mapping[str, bytes], *, has_widget: bool = False
) -> dict[str, str]:
    """Give the bundle to display: ``text/html``, ``text/plain``, and ``image/jpeg`` once nothing more is to come.

    Parameters
    ----------
    shown : Comparison
        What to show.
    posters : mapping of str to bytes
        JPEGs by clip key, as far as they are there.
    has_widget : bool
        Whether the widget's output stands just before it.
    """
    bundle = {
        "text/html": comparison_html(shown, posters, has_widget=has_widget),
        "text/plain": "\n".join([_headline(shown), *(_text(each, shown) for each in shown.clips)]),
    }
    if all(each.view.is_final for each in shown.clips) and (sheet := _sheet(shown, posters)):
        bundle["image/jpeg"] = b64encode(sheet).decode("ascii")
    return bundle


def _sheet(shown: Comparison, posters: Mapping[str, bytes]) -> bytes:
    """Draw the clips on one picture, each with all in which it differs, for where no HTML is shown."""
    tiles = [
        Tile(
            posters.get(each.view.key, b""),
            shown.caption(each, is_whole=True),
            " · ".join(filter(None, (each.view.word, each.view.why))),
        )
        for each in shown.clips
    ]
    title = " · ".join(part for part in (_headline(shown), brief(shown.prompt, WIDE_BRIEF)) if part)
    return sheet_jpeg(tiles, title)


def comparison_html(shown: Comparison, posters: Mapping[str, bytes], *, has_widget: bool = False) -> str:
    """Draw the grid as static HTML; the other axes stand one below the other.

    Parameters
    ----------
    shown, posters, has_widget
        As in :func:`comparison_bundle`.
    """
    name = "" if shown.is_headless else f" {batch_class(shown.id)}"
    small = {key: thumbnail(data, _POSTER_WIDTH) for key, data in posters.items()}
    parts = [widget_hider("hailuo-cv-live", batch_class(shown.id)) if has_widget else ""]
    style = "margin:0;font-size:13px;line-height:20px;overflow-wrap:break-word"
    parts.append(f'<div class="hailuo-twin {NO_MATH}{name}" style="{style}"{CARD_HANDLERS}>')
    parts.append(f'<div style="margin:0 0 8px">{bdi(_headline(shown))}</div>')
    if shown.prompt:
        parts.append(f'<div style="margin:0 0 8px">{_text_block(shown.prompt, is_wide=True)}</div>')
    for tab in product(*(values for _, values in shown.tabs)):
        said = [f"{name}: {value}" for (name, _), value in zip(shown.tabs, tab, strict=True)]
        if said:
            parts.append(f'<div style="margin:12px 0 6px;font-weight:600">{bdi(" · ".join(said))}</div>')
        parts.append(_grid(shown, small, tab) if shown.has_grid else _flow(shown, small))
    parts.append("</div>")
    return "".join(parts)


def stars_text(clip: Compared) -> str:
    """Say what a person thinks of a clip: ``★★★☆☆``, ``rejected``."""
    if clip.rating is None:
        return ""
    return "rejected" if clip.rating == 0 else "★" * clip.rating + "☆" * (5 - clip.rating)


def _headline(shown: Comparison) -> str:
    count = "1 clip" if len(shown.clips) == 1 else f"{len(shown.clips)} clips"
    words = ["simulated" if shown.is_simulated else "", count, shown.shared]
    return " · ".join(word for word in words if word)


def _grid(shown: Comparison, posters: Mapping[str, bytes], tab: tuple[str, ...]) -> str:
    """Draw rows of clips under their heads; a narrow page scrolls them sideways."""
    columns, rows = shown.columns or ("",), shown.rows or ("",)
    widest = min([480, *(each.view.width for each in shown.clips if each.view.width)])
    cell = f"flex:1 1 0;min-width:132px;max-width:{widest}px;margin:0"
    head = f"width:{_HEAD_WIDTH}px;flex-shrink:0;margin:0;font-weight:600"
    line = "display:flex;gap:12px;margin:0 0 6px"
    parts = ['<div style="overflow:auto;margin:0">']
    if shown.x:
        cells = [
            f'<div style="{cell};font-weight:600">{bdi(head_text(shown.x, value))}</div>' for value in columns
        ]
        corner = f'<div style="{head}"></div>' if shown.y else ""
        parts.append(f'<div style="{line}">{corner}{"".join(cells)}</div>')
    for row in rows:
        left = f'<div style="{head}">{bdi(head_text(shown.y, row))}</div>' if shown.y else ""
        cells = []
        for column in columns:
            tiles = [_tile(each, shown, posters) for each in shown.at(column, row, tab)]
            cells.append(f'<div style="{cell}">{"".join(tiles)}</div>')
        parts.append(f'<div style="{line}">{left}{"".join(cells)}</div>')
    return "".join([*parts, "</div>"])


def _flow(shown: Comparison, posters: Mapping[str, bytes]) -> str:
    """Draw clips without axes, one after the other."""
    width = min([320, *(each.view.width for each in shown.clips if each.view.width)])
    tiles = (
        f'<div style="width:{width}px;max-width:100%;margin:0">{_tile(each, shown, posters)}</div>'
        for each in shown.clips
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px 12px;margin:0">{"".join(tiles)}</div>'


def _tile(clip: Compared, shown: Comparison, posters: Mapping[str, bytes]) -> str:
    """Draw one clip: its frame, what its head does not say, and what a person said."""
    card = CardView(shown.id, (clip.view,), is_headless=shown.is_headless)
    frame = _frame(_labelled(clip, shown), card, posters.get(clip.view.key, b""), None)
    parts = [f'<div class="hailuo-tile" style="margin:0 0 8px"><div style="{_FRAME}">{frame}</div>']
    remarks = [] if shown.is_headless else [stars_text(clip), clip.remark]
    parts += [
        f'<div style="margin:4px 0 0">{bdi(text)}</div>' for text in (shown.caption(clip), *remarks) if text
    ]
    return "".join([*parts, "</div>"])


def _labelled(clip: Compared, shown: Comparison) -> ClipView:
    """Give a clip a name that a screen reader can say without its row and column."""
    return replace(clip.view, caption=shown.caption(clip, is_whole=True), actions=())


def _text(clip: Compared, shown: Comparison) -> str:
    """Write one clip as one line."""
    view = clip.view
    remarks = [] if shown.is_headless else [stars_text(clip), clip.remark]
    word = "" if view.word == "done" else view.word
    parts = [shown.caption(clip, is_whole=True), word, view.file if clip.is_here else "", *remarks]
    return "  " + " · ".join(" ".join(plain(part).split()) for part in parts if part)
