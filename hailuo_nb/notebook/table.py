"""Clips as a table: static HTML that needs no kernel, with a picture in each row.

In come a frame of clips, as the history gives it, and small pictures by clip; out goes HTML. Who shows it and where the
pictures come from is :mod:`hailuo_nb.notebook.frames`' part. As in :mod:`hailuo_nb.notebook.twin` all of the look is
in ``style`` attributes, text is only ever text, and the only script are the constants of
:mod:`hailuo_nb.notebook.handlers`: where a notebook is not trusted it is a table to read, with links to the clips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.clipframe import is_clips
from hailuo_nb.analysis.history import COLUMNS
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.handlers import TABLE_HANDLERS, TABLE_START
from hailuo_nb.notebook.markup import NO_MATH, bdi, data_uri, escaped
from hailuo_nb.notebook.view import brief, cut, date_text, file_src, icon_for, plain, size_text, word_for

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "MOST_ROWS",
    "Cell",
    "ClipTable",
    "cells_of",
    "heading",
    "picture",
    "records_of",
    "table_html",
    "totals",
]

MOST_ROWS = 50
"""Rows that are drawn, at about 3 kB in the notebook's file each; a ledger may have 100,000."""

MOST_EVER = 500
"""Jupyter's server drops what exceeds 3 MB in 3 s: so many rows are 1.2 MB, and 1.7 MB again with their pictures."""

POSTER_WIDTH = 112
_PIXEL = data_uri(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
    "image/gif",
)
_ROOT = "margin:0;font-size:13px;line-height:20px"
_HEAD = "display:flex;justify-content:space-between;flex-wrap:wrap;gap:4px 12px;margin:0 0 6px"
_BOX = "overflow:auto;max-height:720px;margin:0"
_TD = "text-align:left;vertical-align:top"
_TH = "text-align:left;vertical-align:bottom;white-space:nowrap;font-weight:600"
_TR = "background:none;border:0;border-bottom:1px solid rgba(128,128,128,0.3)"
_NUMBER = "white-space:nowrap;font-variant-numeric:tabular-nums"
_QUIET = "opacity:0.78;margin:0"
_SMALL = f"{_QUIET};font-size:12px;line-height:18px"
_WIDE = "min-width:220px;max-width:480px"
_FILL = "position:absolute;top:0;left:0;width:100%;height:100%;max-width:100%;margin:0"

_MAIN = ("prompt", "params", "variant", "status", "cost_usd", "votes", "rating", "created_utc")
"""What people want first; ``params`` stands for the axes and whatever columns they have added themselves."""

_VOTES = ("wins", "losses", "ties")
"""What the one column ``votes`` says."""

_SAME_IN_EVERY_RUN = ("prompt", "params", "variant", "take", "duration_s", "quote_usd", "path")
"""What a run without anybody to look at it may show: the ids and times of the next run will be others."""

_HEADS = {
    "cost_usd": "cost",
    "created_utc": "created",
    "quote_usd": "quote",
    "duration_s": "length",
    "path": "file",
}


@dataclass(frozen=True)
class Cell:
    """One cell: its HTML, and by what it is sorted where that is not its text."""

    html: str
    key: float | None = None
    style: str = ""


@dataclass(frozen=True, eq=False)
class ClipTable:
    """A table to be shown: the last value of a cell, or given to ``display``.

    Attributes
    ----------
    frame : pandas.DataFrame
        The clips.
    columns : tuple of str
        The columns to show beside the poster; those that people want first when empty.
    rows : int
        How many rows at the most.
    is_interactive : bool
        Drawn by itables, with pages.
    """

    frame: DataFrame
    columns: tuple[str, ...] = ()
    rows: int = MOST_ROWS
    is_interactive: bool = False

    def __post_init__(self) -> None:
        if not is_clips(self.frame):
            raise InvalidRequest(
                "This frame holds no clips any more: it needs id, service, variant, status, prompt, path."
            )
        if not 1 <= self.rows <= MOST_EVER:
            raise InvalidRequest(
                f"A table has 1 to {MOST_EVER} rows, not {self.rows}: choose some, or use interactive=True."
            )
        known = [name.removeprefix("params.") for name in self.frame.columns]
        for name in self.columns:
            if name not in known and name not in self.frame.columns and name != "votes":
                raise InvalidRequest(f"The table has no column {name[:40]!r}; it has {', '.join(known)}.")

    def __repr__(self) -> str:
        return repr(self.frame)


def table_html(
    table: ClipTable,
    posters: Mapping[str, bytes],
    *,
    missing: frozenset[str] = frozenset(),
    is_headless: bool = False,
    key: str = "",
    now: datetime | None = None,
    is_first: bool = False,
) -> str:
    """Draw a table of clips.

    Parameters
    ----------
    table : ClipTable
        What to show.
    posters : mapping of str to bytes
        Small JPEGs by clip id, as far as they are there.
    missing : frozenset of str
        Clips whose file is not on disk.
    is_headless : bool
        Whether to show only what is the same in every run.
    key : str
        The same for each drawing of one table, so that sorting and filtering outlast it.
    now : datetime, optional
        The time for which dates are written.
    is_first : bool
        Whether more rows of it are drawn at once.
    """
    frame = table.frame
    rows = records_of(frame, table.rows)
    names = columns_of(table, rows, is_headless=is_headless)
    rest, shared = ([], []) if is_headless else _rest(frame, names, rows)
    heads = "".join(f'<th style="{_TH}">{escaped(heading(name))}</th>' for name in names)
    lines = []
    for row in rows:
        cells = cells_of(row, names, rest, now)
        shown = "".join(_td(cell) for cell in cells)
        frame_of_clip = picture(row, posters.get(row["id"], b""), is_missing=row["id"] in missing)
        lines.append(f'<tr style="{_TR}"><td style="{_TD}">{frame_of_clip}</td>{shown}</tr>')
    foot = _facts_html("the same for all", shared, rows[0]) if shared else ""
    if (more := len(frame) - len(rows)) > 0:
        how = "" if is_first else f"; {_how_to_see(table)}"
        foot += f'<div style="{_QUIET};padding:6px 0">and {more:,} more{how}</div>'
    body = (
        f'<div style="{_BOX}"><table cellpadding="6" style="border-collapse:collapse;border:0;margin:0;font-size:13px">'
        f'<thead><tr style="{_TR}"><th style="{_TH}" aria-label="clip"></th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )
    start = "" if is_headless else f'<img src="{_PIXEL}" width="1" height="1" alt=""{TABLE_START}>'
    head = (
        f'<div style="{_HEAD}"><span>{escaped(headline(frame, is_headless))}</span><span>{start}</span></div>'
    )
    classes = f"hailuo-table {NO_MATH}" + (f" {key}" if key else "")
    return f'<div class="{classes}" style="{_ROOT}"{TABLE_HANDLERS}>{head}{body if rows else ""}{foot}</div>'


def records_of(frame: DataFrame, most: int) -> list[dict[str, Any]]:
    """Give the first rows as plain mappings, in which what is missing is None; an id is always text."""
    first = frame.head(most)
    columns = {name: [_native(value) for value in first[name]] for name in first.columns}
    return [
        {name: values[place] for name, values in columns.items()} | {"id": str(columns["id"][place])}
        for place in range(len(first))
    ]


def _native(value: Any) -> Any:
    """Give what pandas and numpy have as Python has it."""
    import pandas as pd

    if isinstance(value, pd.Timestamp):
        return None if value is pd.NaT else value.to_pydatetime()
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value


def totals(frame: DataFrame) -> str:
    """Say what the clips of a frame cost: ``$4.90 · simulated $2.24 · 1 of unknown cost``.

    Simulated dollars are never added to real ones.
    """
    if "cost_usd" not in frame.columns:
        return ""
    imported = 0
    if "imported_utc" in frame.columns:  # somebody else paid for these
        is_own = frame["imported_utc"].isna()
        imported, frame = int((~is_own).sum()), frame[is_own]
    costs = frame["cost_usd"]
    is_simulated = (frame["service"] == "simulator").fillna(False).to_numpy(dtype=bool)
    parts = []
    try:
        for words, which in (("", ~is_simulated), ("simulated ", is_simulated)):
            if which.any():
                micros = costs[which].fillna(0).astype(float).mul(1e6).round().sum()
                parts.append(words + usd_text(_usd(micros / 1e6)))
    except (TypeError, ValueError):  # somebody's own cost_usd, which is no sum
        return ""
    ended = frame["status"].isin(["completed", "failed", "unconfirmed", "abandoned"]).to_numpy(dtype=bool)
    unknown = int((costs.isna().to_numpy(dtype=bool) & ended).sum())
    more = ((unknown, "of unknown cost"), (imported, "imported"))
    return " · ".join([*parts, *(f"{count} {words}" for count, words in more if count)])


def heading(name: str) -> str:
    """Give a column's head: an axis by its own name, money and times without their unit."""
    return _HEADS.get(name, name.removeprefix("params."))


def picture(
    row: Mapping[str, Any], poster: bytes, *, is_missing: bool = False, width: int = POSTER_WIDTH
) -> str:
    """Draw a clip's picture as a link to the clip; the handlers play it there."""
    height = width * 9 // 16
    size = row.get("width"), row.get("height")
    if isinstance(size[0], int) and isinstance(size[1], int) and size[0] > 0:
        height = min(width, max(1, width * size[1] // size[0]))
    box = (
        f"display:block;position:relative;width:{width}px;height:{height}px;overflow:hidden;border-radius:4px;"
        "background:rgba(128,128,128,0.16);margin:0"
    )
    src = file_src(str(row.get("path") or ""))
    said = plain(" · ".join(part for part in (str(row.get("name") or ""), brief(str(row["prompt"]))) if part))
    if row["status"] != "completed" or not src or is_missing:
        word = "not on disk" if row["status"] == "completed" else word_for(str(row["status"]))
        return (
            f'<span style="{box}"><span style="position:absolute;left:8px;bottom:4px;{_SMALL}">'
            f"{escaped(word)}</span></span>"
        )
    inner = (
        f'<img src="{data_uri(poster)}" alt="{escape(said)}" style="{_FILL}">'
        if poster
        else f'<span style="position:absolute;left:8px;bottom:4px;{_SMALL}">play</span>'
    )
    return f'<a class="hailuo-play" href="{escape(src)}" style="{box};cursor:pointer">{inner}</a>'


def cells_of(
    row: Mapping[str, Any], names: Sequence[str], rest: Sequence[str] = (), now: datetime | None = None
) -> list[Cell]:
    """Give the cells of a row; the prompt's holds every other column on demand."""
    return [_prompt(row, rest) if name == "prompt" else _cell(name, row, now) for name in names]


def _how_to_see(table: ClipTable) -> str:
    """Say how to see the rows that are not drawn."""
    if table.rows < MOST_EVER:
        return f"hn.table(x, rows={min(len(table.frame), MOST_EVER)}) shows more"
    return "filters narrow it down, and hn.table(x, interactive=True) has pages"


def columns_of(
    table: ClipTable, rows: Sequence[Mapping[str, Any]], *, is_headless: bool = False
) -> list[str]:
    """Choose the columns: what was asked for, else those of `_MAIN` that say something."""
    frame = table.frame
    if table.columns:
        return [
            name if name in frame.columns or name == "votes" else f"params.{name}" for name in table.columns
        ]
    axes = [name for name in frame.columns if name.startswith("params.")]
    ours = {*COLUMNS, "cached", "version", "cell_text", "imported_utc"}
    measured = [name for name in frame.columns if name.startswith("m.")]
    added = [name for name in frame.columns if name not in {*ours, *axes, *measured}]
    # Clips are measured in the background, too: the columns show by themselves only where somebody asked for them.
    added += measured if "unmeasured" in frame.attrs else []
    chosen = ["version"] if "version" in frame.columns else []
    for name in _SAME_IN_EVERY_RUN if is_headless else _MAIN:
        if name == "params":
            chosen += [*axes, *added]
        elif name == "votes":
            chosen += ["votes"] if name not in added and any(map(_voted, rows)) else []
        elif name in frame.columns and (name != "rating" or any(row["rating"] is not None for row in rows)):
            chosen.append(name)
    return chosen


def _rest(
    frame: DataFrame, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """Part every other column into those that differ from row to row, and those that can be said once."""
    told = {*names, "cached", *(_VOTES if "votes" in names else ())}
    others = [name for name in frame.columns if name not in told]
    shared = [name for name in others if len(rows) > 1 and all(row[name] == rows[0][name] for row in rows)]
    return [name for name in others if name not in shared], shared


def headline(frame: DataFrame, is_headless: bool = False) -> str:
    """Say how many clips there are and what they cost."""
    if frame.empty:
        return "No clip fits."
    clips = "1 clip" if len(frame) == 1 else f"{len(frame):,} clips"
    if is_headless:
        is_simulated = (frame["service"] == "simulator").fillna(False).any()
        return f"{clips} · simulated" if is_simulated else clips
    return " · ".join(part for part in (clips, totals(frame)) if part)


def _td(cell: Cell) -> str:
    # What is not known is sorted as what is empty: last.
    key = "" if cell.key is None else ' data-v=""' if isnan(cell.key) else f' data-v="{cell.key:.15g}"'
    return f'<td style="{_TD}{";" + cell.style if cell.style else ""}"{key}>{cell.html}</td>'


def _prompt(row: Mapping[str, Any], rest: Sequence[str]) -> Cell:
    """Show a prompt in about two lines, and all of it with every other column on demand."""
    text = str(row["prompt"])
    short = brief(text)
    whole = "" if short == text else f'<div style="white-space:pre-wrap;margin:4px 0">{bdi(cut(text))}</div>'
    if not whole and not any(_fact(name, row) for name in rest):
        return Cell(bdi(text), style=_WIDE)
    return Cell(_facts_html(short, rest, row, whole), style=_WIDE)


def _facts_html(summary: str, names: Sequence[str], row: Mapping[str, Any], first: str = "") -> str:
    """Put a row's further columns where a click on their summary opens them, a line each."""
    facts = "\n".join(fact for name in names if (fact := _fact(name, row)))
    more = (
        f'<div class="hailuo-more" style="{_SMALL};white-space:pre-wrap;overflow-wrap:anywhere">{facts}</div>'
        if facts
        else ""
    )
    return f'<details style="margin:0"><summary style="cursor:pointer">{bdi(summary)}</summary>{first}{more}</details>'


def _fact(name: str, row: Mapping[str, Any]) -> str:
    """Write one more column as ``name value``; nothing where it is empty or says what the prompt does."""
    value = row.get(name)
    if name == "prompt_template" and value == row["prompt"]:
        return ""
    if name in _VOTES and value == 0:
        return ""
    if name == "inputs" and isinstance(value, Mapping):
        value = {key: item for key, item in value.items() if key != "prompt"} or None
    if isinstance(value, str):  # a line of its own, so that its direction ends with it
        return f"{escaped(heading(name))} {escaped(' '.join(cut(value).split()))}"
    if name.endswith("_usd") and isinstance(value, float | int):
        simulated = " simulated" if row.get("service") == "simulator" and value else ""
        return f"{escaped(heading(name))} {escaped(usd_text(_usd(value)))}{simulated}"
    said = _cell(name, {**row, name: value}, None).html
    return f"{escaped(heading(name))} {said}" if said else ""


def _cell(name: str, row: Mapping[str, Any], now: datetime | None) -> Cell:
    """Draw one value; by its column where that means something, else as plain text."""
    try:
        drawn = _DRAWN[name](row) if name in _DRAWN else _by_unit(name, row, now)
    except (TypeError, ValueError, OverflowError):
        drawn = None  # a column of somebody's own that only has the name of one of ours
    return drawn or _plain(name, row.get(name))


def _by_unit(name: str, row: Mapping[str, Any], now: datetime | None) -> Cell | None:
    """Draw a value whose column says what it is: a time, money, seconds, bytes."""
    value = row.get(name)
    if isinstance(value, datetime):
        return _time(value, now)
    if value is None:
        return Cell("")
    if name.endswith("_usd"):
        return _money(value, row)
    if name.endswith("_s"):
        return _seconds(value)
    said = size_text(int(value)) if name == "bytes" else f"{value:.4g}" if name.startswith("m.") else ""
    return Cell(escaped(said), float(value), _NUMBER) if said else None


def _plain(name: str, value: Any) -> Cell:
    """Write a value that has no meaning of its own here."""
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(
            escaped(f"{value:.6g}" if isinstance(value, float) else str(value)), float(value), _NUMBER
        )
    if isinstance(value, list | tuple):
        return Cell(bdi(cut(", ".join(map(str, value)))) if value else "")
    if isinstance(value, Mapping):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if name == "path":
        src = file_src(str(value))
        file = bdi(str(value).rpartition("/")[2])
        return Cell(f'<a href="{escape(src)}">{file}</a>' if src else file)
    text = "" if value is None else str(value)
    return Cell(bdi(cut(text)) if text else "", style="white-space:nowrap" if len(text) <= 16 else "")


def _status(row: Mapping[str, Any]) -> Cell:
    """Say how a clip stands, with what went wrong."""
    word = word_for(str(row["status"]))
    colour = ' style="color:#e53935"' if word == "failed" else ""
    said = f"<span{colour}>{escape(icon_for(word))}</span> {escaped(word)}"
    error = row.get("error")
    if isinstance(error, str) and error and word != "done":
        said += f'<div style="{_SMALL};min-width:140px;max-width:220px">{bdi(brief(error, 160))}</div>'
    return Cell(said, style="" if error else "white-space:nowrap")


def _cost(row: Mapping[str, Any]) -> Cell:
    """Say what a clip cost, or was quoted while that is not known, and what showing it again saved."""
    cost, quote = row.get("cost_usd"), row.get("quote_usd")
    if cost is None and row["status"] == "failed":
        return Cell("not known", nan, "white-space:nowrap")
    if cost is None:
        known = _money(quote, row) if quote is not None else Cell("")
        return Cell(
            known.html and f'<span style="{_QUIET}">quote</span> {known.html}', known.key, known.style
        )
    cell = _money(cost, row)
    if row.get("cached") is True and not cost:
        saved = usd_text(_usd(row.get("saved_usd") or 0))
        return Cell(f'{cell.html}<div style="{_SMALL}">on disk, saves {saved}</div>', cell.key, cell.style)
    if row.get("imported_utc") is not None:
        return Cell(f'{cell.html}<div style="{_SMALL}">imported</div>', cell.key, cell.style)
    return cell


def _money(usd: Any, row: Mapping[str, Any]) -> Cell:
    """Write a sum, and always that it is only simulated."""
    said = escaped(usd_text(_usd(usd)))
    if row.get("service") == "simulator":
        said += f'<div style="{_SMALL}">simulated</div>'
    return Cell(said, float(usd), _NUMBER)


def _usd(value: Any) -> Decimal:
    """Give a sum that pandas had as a float as the ledger had it, to the micro-dollar."""
    return Decimal(str(round(float(value), 6)))


def _rating(row: Mapping[str, Any]) -> Cell:
    value = row.get("rating")
    if value is None:
        return Cell("")
    return Cell("rejected" if value == 0 else f"{int(value)} of 5", float(value), _NUMBER)


def _votes(row: Mapping[str, Any]) -> Cell | None:
    """Say how often a clip won, lost and tied; sorted by its share of wins, half the ties among them."""
    if "votes" in row:
        return None  # a column of somebody's own
    wins, losses, ties = (int(row[name] or 0) for name in _VOTES)
    if not wins + losses + ties:
        return Cell("", nan)
    said = f"{wins} won, {losses} lost" + (f", {ties} tied" if ties else "")
    return Cell(said, (wins + ties / 2) / (wins + losses + ties), _NUMBER)


def _voted(row: Mapping[str, Any]) -> bool:
    """Tell whether anybody voted on a clip."""
    return any(row.get(name) for name in _VOTES)


def _seconds(value: Any) -> Cell:
    return Cell(f"{float(value):.4g} s", float(value), _NUMBER)


def _time(moment: datetime, now: datetime | None) -> Cell:
    """Write a time as local people do, with the exact time in UTC on demand."""
    if moment.tzinfo is None:
        return Cell(escaped(str(moment)))
    local = moment.astimezone()
    exact = moment.astimezone(UTC)
    return Cell(
        f'<span title="{exact:%Y-%m-%d %H:%M:%S} UTC">{escaped(date_text(moment, now))}, {local:%H:%M}</span>',
        moment.timestamp(),
        _NUMBER,
    )


_DRAWN: Mapping[str, Callable[[Mapping[str, Any]], Cell | None]] = {
    "status": _status,
    "cost_usd": _cost,
    "votes": _votes,
    "rating": _rating,
}
