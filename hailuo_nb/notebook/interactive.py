"""The table that itables draws: many rows, in pages, sorted and filtered by its script.

In come a table of clips and small pictures; out goes itables' HTML with its script, which is in the package: nothing is
fetched from a CDN. Every cell is our own markup, in which text is only ever text. Next:
:mod:`hailuo_nb.notebook.frames`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from hailuo_nb.errors import SetupError
from hailuo_nb.notebook.handlers import TABLE_HANDLERS
from hailuo_nb.notebook.markup import NO_MATH, escaped
from hailuo_nb.notebook.table import ClipTable, cells_of, columns_of, heading, headline, picture, records_of

__all__ = ["MOST_PAGED", "check_itables", "interactive_html"]

MOST_PAGED = 500
"""Rows at about 1 kB each, beside the script of 1 MB; only the first ones have pictures, the others a link."""

_PAGE = 10


def check_itables() -> None:
    """Say how to get itables where it is missing."""
    if find_spec("itables") is None:
        raise SetupError(
            "An interactive table needs itables: run %pip install 'hailuo_nb[table]', or %pip install itables."
        )


def interactive_html(table: ClipTable, posters: Mapping[str, bytes], *, missing: frozenset[str]) -> str:
    """Draw a table with itables.

    Parameters
    ----------
    table : ClipTable
        What to show.
    posters : mapping of str to bytes
        Small JPEGs by clip id, as far as they are there.
    missing : frozenset of str
        Clips whose file is not on disk.
    """
    import itables
    import pandas as pd
    from itables.javascript import generate_init_offline_itables_html

    rows = records_of(table.frame, MOST_PAGED)
    names = columns_of(table, rows)
    drawn: list[list[Any]] = []
    for row in rows:
        frame = picture(row, posters.get(row["id"], b""), is_missing=row["id"] in missing)
        drawn.append([frame, *(_sortable(cell.key, cell.html) for cell in cells_of(row, names))])
    cells = pd.DataFrame(drawn, columns=["", *(escaped(heading(name)) for name in names)])
    made: str = itables.to_html_datatable(
        cells, connected=False, allow_html=True, showIndex=False, maxBytes=0, maxColumns=0,
        pageLength=_PAGE, classes="compact", style="width:100%;margin:0", warn_on_undocumented_option=False,
    )  # fmt: skip
    start = generate_init_offline_itables_html(itables.options.dt_bundle)
    return (
        f'<div class="hailuo-table {NO_MATH}" style="margin:0;font-size:13px"{TABLE_HANDLERS}>'
        f"<div>{escaped(headline(table.frame))}</div>{start}{made}</div>"
    )


def _sortable(key: float | None, html: str) -> str:
    """Let a cell be sorted by its number: DataTables sorts by the text, hidden or not, as text."""
    return html if key is None else f'<span style="display:none">{key:020.6f}</span>{html}'
