"""A pivot as static HTML: one axis down, another one across, clips or numbers in the cells.

In come a `PivotFrame` of :mod:`hailuo_nb.analysis.pivots` and small pictures by clip; out goes HTML of the same kind as
:mod:`hailuo_nb.notebook.table` draws, and its pictures play in the same way. Next: :mod:`hailuo_nb.notebook.frames`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.pivots import short_name, varying
from hailuo_nb.notebook.handlers import TABLE_HANDLERS
from hailuo_nb.notebook.markup import NO_MATH, bdi, escaped
from hailuo_nb.notebook.table import cells_of, heading, picture, records_of, totals

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["MOST_PICTURES", "pivot_html", "pivot_text", "shown_clips"]

MOST_PICTURES = 100
MOST_IN_CELL = 6
_WIDTH = 144
_ROOT = "margin:0;font-size:13px;line-height:20px"
_TD = "text-align:left;vertical-align:top"
_TH = f"{_TD};font-weight:600;min-width:64px"
_TR = "background:none;border:0;border-bottom:1px solid rgba(128,128,128,0.3)"
_QUIET = "opacity:0.78;margin:0;font-size:12px;line-height:18px"


def shown_clips(pivot: Any) -> list[dict[str, Any]]:
    """Give the clips whose pictures a pivot shows, as rows."""
    if pivot.values_name != "clip":
        return []
    rows = {row["id"]: row for row in records_of(pivot.clips, len(pivot.clips))}
    wanted = [clip for line in pivot.to_numpy().tolist() for cell in line for clip in cell[:MOST_IN_CELL]]
    return [rows[clip] for clip in dict.fromkeys(wanted)][:MOST_PICTURES]


def pivot_html(
    pivot: Any,
    posters: Mapping[str, bytes],
    *,
    missing: frozenset[str] = frozenset(),
    is_headless: bool = False,
) -> str:
    """Draw a pivot.

    Parameters
    ----------
    pivot : PivotFrame
        What to show.
    posters : mapping of str to bytes
        Small JPEGs by clip id, as far as they are there.
    missing : frozenset of str
        Clips whose file is not on disk.
    is_headless : bool
        Whether to show only what is the same in every run.
    """
    rows = {row["id"]: row for row in shown_clips(pivot)}
    corner = " · ".join(str(name) for name in pivot.index.names if name is not None)
    heads = "".join(f'<th style="{_TH}">{bdi(_label(label))}</th>' for label in pivot.columns)
    differs = [name for name in varying(pivot.clips) if short_name(name) not in _used(pivot)]

    def cell_html(cell: Any) -> str:
        if pivot.values_name != "clip":
            return _number(cell, pivot)
        known = [rows[clip] for clip in cell if clip in rows]
        return _clips(known, len(cell), differs, posters, missing)

    lines = []
    for label, line in zip(pivot.index, pivot.to_numpy().tolist(), strict=True):
        cells = "".join(f'<td style="{_TD}">{cell_html(cell)}</td>' for cell in line)
        lines.append(f'<tr style="{_TR}"><th scope="row" style="{_TH}">{bdi(_label(label))}</th>{cells}</tr>')
    return (
        f'<div class="hailuo-table {NO_MATH}" style="{_ROOT}"{TABLE_HANDLERS}>'
        f'<div style="margin:0 0 6px">{escaped(_headline(pivot, is_headless))}</div>'
        '<div style="overflow:auto;max-height:900px;margin:0">'
        '<table cellpadding="6" style="border-collapse:collapse;border:0;margin:0;font-size:13px">'
        f'<thead><tr style="{_TR}"><th style="{_TH}">{bdi(corner)}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></div>"
    )


def pivot_text(pivot: DataFrame) -> str:
    """Write a pivot as text without ids, which the next run gives others: a cell of clips says how many they are."""
    is_clips = getattr(pivot, "values_name", "") == "clip"
    return str((pivot.map(len) if is_clips else pivot).to_string())


def _headline(pivot: Any, is_headless: bool) -> str:
    """Say what stands in the cells, what goes across, and what the clips cost."""
    clips = pivot.clips
    across = " · ".join(str(name) for name in pivot.columns.names if name is not None)
    said = "1 clip" if len(clips) == 1 else f"{len(clips):,} clips"
    name = pivot.values_name
    is_simulated = bool((clips["service"] == "simulator").any())
    words = {"clip": "", "count": "how many"}.get(name, heading(name))
    if is_simulated and name.endswith("_usd"):
        words += ", simulated"
    cost = ("simulated" if is_simulated else "") if is_headless or name != "clip" else totals(clips)
    if name.endswith("_usd"):
        cost = ""
    return " · ".join(part for part in (words, said, f"{across} across" if across else "", cost) if part)


def _label(label: Any) -> str:
    """Write the head of a row or column."""
    if isinstance(label, tuple):
        return " · ".join(_label(part) for part in label)
    return f"{label:g}" if isinstance(label, float) else str(label)


def _used(pivot: Any) -> set[str]:
    """Give the axes that go down and across."""
    return {str(name) for name in (*pivot.index.names, *pivot.columns.names) if name is not None}


def _clips(
    rows: Sequence[Mapping[str, Any]],
    count: int,
    differs: Sequence[str],
    posters: Mapping[str, bytes],
    missing: frozenset[str],
) -> str:
    """Draw the clips of a cell beside each other, each with what it differs in where there are several."""
    if not count:
        return "–"
    tiles = []
    for row in rows:
        frame = picture(row, posters.get(row["id"], b""), is_missing=row["id"] in missing, width=_WIDTH)
        caption = f'<div style="{_QUIET}">{bdi(_caption(row, differs))}</div>' if count > 1 else ""
        tiles.append(f'<div style="margin:0">{frame}{caption}</div>')
    more = count - len(rows)
    rest = f'<div style="{_QUIET}">and {more} more</div>' if more else ""
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin:0">{"".join(tiles)}</div>{rest}'


def _caption(row: Mapping[str, Any], differs: Sequence[str]) -> str:
    """Say what a clip differs in from the others of its cell."""
    units = {"duration_s": "{:g} s", "take": "take {}"}
    said = [units.get(name, "{}").format(row[name]) for name in differs if row.get(name) is not None]
    return " · ".join(said)


def _number(value: Any, pivot: Any) -> str:
    """Write a number as its column is written."""
    import pandas as pd

    if not isinstance(value, str) and pd.isna(value):
        return "–"
    native = value.item() if hasattr(value, "item") else value
    # That it is simulated stands above all.
    return cells_of({pivot.values_name: native, "prompt": "", "status": ""}, [pivot.values_name])[0].html
