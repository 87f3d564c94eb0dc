"""How the table of a dry run looks.

In comes the frame of `hailuo_nb.analysis.preview`, out goes the same frame with a display of its own: the quote line,
what all clips share said once, a row for each clip, and the total. Text is escaped, dollar signs are no formulas, and
what is cut can be opened. Loads pandas, so it is imported where a preview is made and nowhere else.
"""

from __future__ import annotations

import html
import unicodedata
from decimal import Decimal
from typing import Any

import pandas as pd

from hailuo_nb.catalog.quotes import sum_usd, usd_text

FIRST_ROWS = 24
MOST_ROWS = 200
LONGEST_PROMPT = 140
LONGEST_LINE = 60
# Both names of the class under which MathJax leaves text alone.
_NO_MATH = "tex2jax_ignore mathjax_ignore"
_LINE = "font-size:13px;line-height:20px;margin:0 0 8px"
_TABLE = "border-collapse:collapse;margin:0;font-size:13px;line-height:20px;max-width:984px"
_CELL = "text-align:left;vertical-align:top;padding:4px 12px 4px 0"
# Only a prompt breaks within a word: else a narrow cell would write the other columns one letter a line.
_LONG, _SHORT = ";overflow-wrap:anywhere;min-width:120px", ";white-space:nowrap"
_SHORT_ONES = frozenset({"variant", "length", "take", "status"})
_NUMBER = (
    "text-align:right;vertical-align:top;padding:4px 0;white-space:nowrap;font-variant-numeric:tabular-nums"
)
_WORDS = {
    "completed": "on disk",
    "repeat": "same as above",
    "submitting": "on its way",
    "submitted": "on its way",
    "processing": "on its way",
    "downloading": "on its way",
}


class Preview(pd.DataFrame):
    """What a cell would make; a DataFrame in every way but its display. Parts of it are plain frames."""

    def _repr_html_(self) -> str:
        return _html(self) if _is_whole(self) else pd.DataFrame(self).to_html(max_rows=60, notebook=True)

    def __repr__(self) -> str:
        return _text(self) if _is_whole(self) else repr(pd.DataFrame(self))


def _is_whole(frame: pd.DataFrame) -> bool:
    """Whether nobody has taken away what the display needs."""
    return "headline" in frame.attrs and {"variant", "prompt", "status", "quote_usd"} <= set(frame.columns)


def _html(frame: pd.DataFrame) -> str:
    """Draw the table as HTML without style sheets."""
    names, rows, shared = _table(frame)
    first, more = rows[:FIRST_ROWS], rows[FIRST_ROWS:MOST_ROWS]
    parts = [_line(" · ".join([*_head(frame), *shared])), *map(_line, frame.attrs["notes"])]
    if "prompt" not in names:
        parts.append(f'<div style="{_LINE};max-width:984px">{_opening(str(frame["prompt"].iloc[0]))}</div>')
    parts.append(_drawn(names, first, "" if more else _foot(frame, names)))
    if more:
        left = len(rows) - MOST_ROWS
        said = f"{len(more)} more" + (f"; the other {left:,} are in the DataFrame" if left > 0 else "")
        parts.append(
            f'<details style="margin:8px 0"><summary>{said}</summary>{_drawn(names, more)}</details>'
        )
        parts.append(_line(f"{_foot_word(frame)}: {_total(frame)}"))
    parts.append(_line("A dry run: nothing was sent."))
    return f'<div class="{_NO_MATH}">{"".join(parts)}</div>'


def _drawn(names: list[str], rows: list[tuple[str, ...]], foot: str = "") -> str:
    """Draw rows under their headings; a cell that is too narrow scrolls."""
    body = "".join(_row(names, row) for row in rows)
    table = f'<table style="{_TABLE}">{_header(names)}<tbody>{body}{foot}</tbody></table>'
    return f'<div style="overflow-x:auto;margin:0 0 8px">{table}</div>'


def _text(frame: pd.DataFrame) -> str:
    """Write the table as plain text."""
    names, rows, shared = _table(frame)
    lines = [_aligned(names, rows[:FIRST_ROWS])]
    if len(rows) > FIRST_ROWS:
        lines.append(f"and {len(rows) - FIRST_ROWS:,} more in the DataFrame")
    head = " · ".join([*_head(frame), *shared])
    total = f"{_foot_word(frame)}: {_total(frame)}. A dry run: nothing was sent."
    prompt = [] if "prompt" in names else [str(frame["prompt"].iloc[0])]
    return "\n".join([head, *frame.attrs["notes"], *prompt, *lines, total])


def _aligned(names: list[str], rows: list[tuple[str, ...]]) -> str:
    """Write rows in columns, prices to the right."""
    shown = [names, *([_short(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        *texts, price = row
        cells = [text.ljust(width) for text, width in zip(texts, widths, strict=False)]
        lines.append("  ".join([*cells, price.rjust(widths[-1])]))
    return "\n".join(lines)


def _short(text: str) -> str:
    """Cut a text to what a line of a terminal has room for."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def _head(frame: pd.DataFrame) -> list[str]:
    """Give the quote line, and whether its money is real."""
    return [*(["simulated"] if frame.attrs["is_simulated"] else []), frame.attrs["headline"]]


def _table(frame: pd.DataFrame) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """Give what differs between clips as headings and rows, and what all have in common."""
    columns: dict[str, list[str]] = {
        "variant": [str(value) for value in frame["variant"]],
        "length": [_seconds(value) for value in frame["duration_s"]],
        "prompt": [str(value) for value in frame["prompt"]],
    }
    for name in frame.columns:
        if str(name).startswith("params."):
            columns[str(name).removeprefix("params.")] = ["" if pd.isna(v) else str(v) for v in frame[name]]
    columns["take"] = [str(value) for value in frame["take"]]
    shared = []
    if len(frame) > 1 and len(set(columns["prompt"])) == 1:
        del columns["prompt"]  # it stands above the table
    for name in ("variant", "length", "take"):
        if len(set(columns[name])) == 1:
            value = columns.pop(name)[0]
            shared += [value] if name != "take" and value else []
    status = [str(value) for value in frame["status"]]
    columns["price"] = [usd_text(price) for price in _prices(frame)]
    if not frame.attrs["is_headless"] and set(status) != {"new"}:
        price = columns.pop("price")
        columns["status"] = [_WORDS.get(word, word) for word in status]
        columns["price"] = [p if word == "new" else "–" for p, word in zip(price, status, strict=True)]
    return list(columns), list(zip(*columns.values(), strict=True)), shared


def _prices(frame: pd.DataFrame) -> list[Decimal | None]:
    """Give the quotes as sums of money again."""
    return [None if pd.isna(value) else Decimal(str(value)) for value in frame["quote_usd"]]


def _seconds(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:g} s"


def _total(frame: pd.DataFrame) -> str:
    """Add up what is to be paid; headless, what all of it is quoted."""
    prices = zip(_prices(frame), frame["status"], strict=True)
    return usd_text(sum_usd(price for price, word in prices if word == "new" or frame.attrs["is_headless"]))


def _foot_word(frame: pd.DataFrame) -> str:
    return "Quote" if frame.attrs["is_headless"] else "To pay"


def _header(names: list[str]) -> str:
    cells = "".join(
        f'<th style="{_NUMBER if name == "price" else _CELL + _SHORT};font-weight:600">{_plain(name)}</th>'
        for name in names
    )
    return f"<thead><tr>{cells}</tr></thead>"


def _row(names: list[str], values: tuple[str, ...]) -> str:
    cells = []
    for name, value in zip(names[:-1], values[:-1], strict=True):
        width = _SHORT if name in _SHORT_ONES else _LONG if name == "prompt" else ""
        cells.append(f'<td style="{_CELL}{width}">{_opening(value)}</td>')
    return f'<tr>{"".join(cells)}<td style="{_NUMBER}">{_plain(values[-1])}</td></tr>'


def _foot(frame: pd.DataFrame, names: list[str]) -> str:
    """Draw the total line."""
    rule = "border-top:1px solid rgba(128,128,128,.5)"
    word = f'<td colspan="{len(names) - 1}" style="{_CELL};{rule}">{_foot_word(frame)}</td>'
    return f'<tr>{word}<td style="{_NUMBER};{rule};font-weight:600">{_plain(_total(frame))}</td></tr>'


def _line(text: str) -> str:
    return f'<div style="{_LINE}">{_plain(text)}</div>'


def _opening(text: str) -> str:
    """Draw a text that opens where it is long."""
    if len(text) <= LONGEST_PROMPT:
        return _plain(text)
    cut = text[:LONGEST_PROMPT].rstrip()
    return f"<details><summary>{_plain(cut)}…</summary>{_plain(text)}</details>"


def _plain(text: str) -> str:
    """Make text of whatever it is: escaped, without control and direction characters."""
    odd = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown = "".join(
        c if unicodedata.category(c) not in odd or c == "\u200d" else " " if c.isspace() else "" for c in text
    )
    return html.escape(shown)
