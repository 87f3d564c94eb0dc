"""The rows of a check-up as one table, fit to be pasted into an issue.

In come rows; out goes a DataFrame which shows itself as a table, as aligned text and as Markdown. Loads pandas, so it
is imported where a check-up is shown and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from hailuo_nb.analysis.words import plain
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check

__all__ = ["SIGNS", "CheckTable", "rows_of", "table_of"]

SIGNS = {OK: "●", LOOK: "▲", BROKEN: "✕"}
"""The sign beside each word, so that no colour has to say it."""

COLUMNS = ("state", "value", "do")
_CELL = "text-align:left;vertical-align:top;padding:3px 16px 3px 0"
_RED = "#e53935"


class CheckTable(pd.DataFrame):
    """A check-up: a DataFrame in every way but its display. Parts of it are plain frames.

    Attributes
    ----------
    page : object
        What asks the page and brings the table up to date; None where nobody has to be asked.
    """

    _metadata = ("page",)
    page: Any = None

    def _repr_html_(self) -> str:
        return _html(self) if _is_whole(self) else pd.DataFrame(self).to_html(notebook=True)

    def __repr__(self) -> str:
        return _text(self) if _is_whole(self) else repr(pd.DataFrame(self))

    def to_markdown(self, *args: Any, **named: Any) -> Any:
        """Write it as Markdown, as GitHub takes it; needs no tabulate."""
        if args or named or not _is_whole(self):
            return pd.DataFrame(self).to_markdown(*args, **named)
        return _markdown(self)


def table_of(checks: Sequence[Check]) -> CheckTable:
    """Make a table of rows; of two with one name, both are kept."""
    return CheckTable(
        [(check.state, check.value, check.do) for check in checks],
        index=pd.Index([check.what for check in checks], name="what", dtype=object),
        columns=list(COLUMNS),
    )


def rows_of(frame: pd.DataFrame) -> list[Check]:
    """Give the rows of a table."""
    return [Check(str(what), *map(str, row)) for what, *row in frame.itertuples()]


def _is_whole(frame: pd.DataFrame) -> bool:
    """Whether nobody has taken away what the display needs."""
    return tuple(frame.columns) == COLUMNS


def _headline(checks: Sequence[Check]) -> str:
    """Say in a few words how it stands."""
    counts = {state: sum(check.state == state for check in checks) for state in (BROKEN, LOOK)}
    said = [f"{counts[BROKEN]} broken"] if counts[BROKEN] else []
    said += [f"{counts[LOOK]} to look at"] if counts[LOOK] else []
    return ", ".join(said) or "All is well"


def _html(frame: pd.DataFrame) -> str:
    """Draw the table, with its Markdown to copy below it."""
    checks = rows_of(frame)
    rows = "".join(_row(check) for check in checks)
    copy = escape(plain(_markdown(frame)))
    return (
        '<div class="tex2jax_ignore mathjax_ignore" style="font-size:13px;line-height:20px">'
        f'<div style="margin:0 0 6px">{_headline(checks)}</div>'
        f'<table style="border-collapse:collapse;margin:0;font-size:13px"><tbody>{rows}</tbody></table>'
        '<details style="margin:8px 0 0"><summary style="cursor:pointer">As text for an issue</summary>'
        f'<pre style="user-select:all;white-space:pre-wrap;margin:6px 0;max-width:984px">{copy}</pre></details></div>'
    )


def _row(check: Check) -> str:
    colour = f' style="color:{_RED}"' if check.state == BROKEN else ""
    do = f'<div style="opacity:0.78">{_shown(check.do)}</div>' if check.do else ""
    return (
        f'<tr style="background:none"><th scope="row" style="{_CELL};white-space:nowrap;font-weight:600">'
        f'{_shown(check.what)}</th><td style="{_CELL};white-space:nowrap"><span{colour}>{SIGNS.get(check.state, "·")}'
        f'</span> {_shown(check.state)}</td><td style="{_CELL};max-width:640px">{_shown(check.value)}{do}</td></tr>'
    )


def _text(frame: pd.DataFrame) -> str:
    """Write the table as aligned text."""
    checks = rows_of(frame)
    wide = max((len(check.what) for check in checks), default=0)
    lines = [_headline(checks)]
    for check in checks:
        lines.append(
            f"{SIGNS.get(check.state, '·')} {check.state:<6}  {check.what:<{wide}}  {_one_line(check.value)}"
        )
        lines += [f"{'':{wide + 12}}{_one_line(check.do)}"] if check.do else []
    return "\n".join(lines)


def _markdown(frame: pd.DataFrame) -> str:
    """Write the table as Markdown."""
    lines = ["| what | | found | to do |", "|---|---|---|---|"]
    for check in rows_of(frame):
        cells = (check.what, f"{SIGNS.get(check.state, '·')} {check.state}", check.value, check.do)
        lines.append(f"| {' | '.join(_one_line(cell).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _shown(text: str) -> str:
    return escape(plain(text))


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())
