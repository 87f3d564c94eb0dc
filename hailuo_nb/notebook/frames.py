"""Shows frames of clips, where a notebook shows its values.

In come the history's frames, tables, pivots and plots as the last value of a cell; out go displays. In a notebook that
is our own table, with the pictures that are there at once, and those that are still made put in when they are; headless
it holds only what is the same in every run; in a terminal pandas shows its own text. Nothing of pandas is changed:
IPython has a formatter for each type, and ours are for our types only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from IPython.display import publish_display_data

from hailuo_nb.analysis.clipframe import is_clips
from hailuo_nb.jobs import waiting
from hailuo_nb.notebook.posters import Posters
from hailuo_nb.notebook.surroundings import look_around

if TYPE_CHECKING:
    from hailuo_nb.notebook.table import ClipTable
    from hailuo_nb.session.session import Session

__all__ = ["Frames"]

AT_ONCE_S = 0.4
"""So long a cell of few clips waits for pictures; the others come later."""

HEADLESS_S = 60.0
"""So long it waits where what comes after the cell is lost; 100 take 4 to 9 s."""

FIRST = 12
"""After so many pictures the table is drawn again: about what is seen without scrolling.

Of more rows a cell waits for none: they take longer than it would wait, and the worker that makes them would take the
processor from the drawing (of 500 rows 0.4 s, and so long again while it starts).
"""

LARGE = 500_000
SERVER_S = 3.0
"""Jupyter's server drops what exceeds 3 MB in 3 s: what is so large is drawn again only after as long."""

Draw = Callable[[Mapping[str, bytes], frozenset[str]], str]


class Frames:
    """What shows the frames of one session.

    Parameters
    ----------
    session : Session
        Whose clips they are.
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    """

    def __init__(self, session: Session, shell: Any) -> None:
        self._shell = shell
        self._posters = Posters(session)
        self._numbers = count(1)

    def attach(self) -> None:
        """Let the shell show our types through us; by name, so that pandas is not loaded for it."""
        if not look_around(self._shell).has_widgets:
            return  # a terminal: text is all it shows
        formatter = self._shell.display_formatter.ipython_display_formatter
        formatter.for_type_by_name("hailuo_nb.analysis.clipframe", "ClipFrame", self.show_frame)
        formatter.for_type_by_name("hailuo_nb.analysis.pivots", "PivotFrame", self.show_pivot)
        formatter.for_type_by_name("hailuo_nb.analysis.figure", "PlotFigure", self.show_figure)
        formatter.for_type_by_name("hailuo_nb.notebook.table", "ClipTable", self.show_table)

    def show_frame(self, frame: Any) -> None:
        """Show a frame of the history; one that holds no clips any more is pandas' own to show."""
        if not is_clips(frame):
            raise NotImplementedError
        from hailuo_nb.notebook.table import ClipTable

        self.show_table(ClipTable(frame))

    def show_table(self, table: ClipTable) -> None:
        """Show a table."""
        from hailuo_nb.notebook.interactive import interactive_html
        from hailuo_nb.notebook.table import MOST_ROWS, records_of, table_html

        is_headless = look_around(self._shell).is_headless
        key = "" if is_headless else self._key()

        def draw(posters: Mapping[str, bytes], missing: frozenset[str]) -> str:
            if table.is_interactive and not is_headless:
                return interactive_html(table, posters, missing=missing)
            return table_html(table, posters, missing=missing, is_headless=is_headless, key=key)

        def begin(posters: Mapping[str, bytes], missing: frozenset[str]) -> str:
            return table_html(
                replace(table, rows=MOST_ROWS), posters, missing=missing, key=key, is_first=True
            )

        text = _same_text(table) if is_headless else repr(table.frame)
        rows = records_of(table.frame, table.rows)
        is_long = len(rows) > MOST_ROWS and not (table.is_interactive or is_headless)
        self._show(rows, draw, text, is_headless=is_headless, begin=begin if is_long else None)

    def show_pivot(self, pivot: Any) -> None:
        """Show a pivot; a copy that has lost its clips is pandas' own to show."""
        if getattr(pivot, "clips", None) is None:
            raise NotImplementedError
        from hailuo_nb.notebook.pivot_table import pivot_html, pivot_text, shown_clips

        is_headless = look_around(self._shell).is_headless

        def draw(posters: Mapping[str, bytes], missing: frozenset[str]) -> str:
            return pivot_html(pivot, posters, missing=missing, is_headless=is_headless)

        self._show(shown_clips(pivot), draw, pivot_text(pivot), is_headless=is_headless)

    def show_figure(self, figure: Any) -> None:
        """Show a plot."""
        from hailuo_nb.notebook.figures import figure_bundle

        bundle = figure_bundle(figure, is_headless=look_around(self._shell).is_headless)
        publish_display_data(bundle)  # type: ignore[no-untyped-call]

    def _key(self) -> str:
        """Name one display, for the page to know it again when it is drawn anew."""
        return f"hailuo-t-{next(self._numbers)}-{int(self._shell.execution_count)}"

    def _show(
        self,
        rows: Sequence[Mapping[str, Any]],
        draw: Draw,
        text: str,
        *,
        is_headless: bool,
        begin: Draw | None = None,
    ) -> None:
        """Display what there is, of a long table its beginning first, and again when pictures have been made."""
        from hailuo_nb.notebook.table import MOST_ROWS

        display_id = f"{self._key()}-shown"
        shown: list[_Shown] = []

        def publish(draw: Draw = draw) -> None:
            posters = self._posters.there(rows)
            html = draw(posters, self._posters.missing(rows))
            transient = {} if is_headless else {"display_id": display_id}
            publish_display_data(  # type: ignore[no-untyped-call]
                {"text/html": html, "text/plain": text}, transient=transient, update=bool(shown)
            )
            shown.append(_Shown(len(posters), len(html), time.monotonic()))

        def made(number: int) -> None:
            if number == FIRST and shown and len(rows) <= MOST_ROWS:
                publish()

        def are_made(_: object) -> None:
            if len(self._posters.there(rows)) <= shown[-1].posters:
                return
            if rest_s := shown[-1].rest_s():
                asyncio.get_running_loop().call_later(rest_s, publish)
            else:
                publish()

        if begin is not None:
            publish(begin)
        is_long = len(rows) > FIRST and not is_headless
        if is_long:
            publish()
        filled = self._posters.make(rows, made)
        if not is_long:
            waiting.wait(filled, HEADLESS_S if is_headless else AT_ONCE_S)
            publish()
        if not is_headless:
            filled.add_done_callback(are_made)


@dataclass(frozen=True)
class _Shown:
    """One drawing: how many pictures and characters it has, and when it was sent."""

    posters: int
    size: int
    at_s: float

    def rest_s(self) -> float:
        """Give how long the next drawing has to wait for Jupyter's server to let it pass."""
        return max(0.0, self.at_s + SERVER_S - time.monotonic()) if self.size > LARGE else 0.0


def _same_text(table: ClipTable) -> str:
    """Give the table as text, without what differs from run to run."""
    wanted = ("name", "take", "variant", "prompt", "quote_usd")
    names = [name for name in table.frame.columns if name in wanted or name.startswith("params.")]
    rows = table.frame[names].head(table.rows)
    return "No clip fits." if rows.empty else str(rows.to_string(index=False, max_colwidth=80))
