"""Rows as one table: for a terminal, or as the README has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.benchmarks.frame.row import Row

HEAD = ("what", "hailuo_nb", "beside", "ratio", "to reach", "reached")


def as_text(rows: Sequence[Row]) -> str:
    """Line the columns up."""
    table = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(cells[at]) for cells in table) for at in range(len(HEAD))]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)) for cells in table
    )
    return "\n".join([*(line.rstrip() for line in lines), *_notes(rows)])


def as_markdown(rows: Sequence[Row]) -> str:
    """Write the README's table."""
    table = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    lines = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in table)
    notes = _notes(rows)
    return "\n".join([*lines, *([""] if notes else []), *(f"- {note}" for note in notes)])


def _cells(row: Row) -> tuple[str, ...]:
    peer = "" if row.peer is None else _figure(row.peer, row.unit)
    reached = {True: "yes", False: "no", None: "" if _limits(row) == "" else "?"}[row.reached]
    return (
        row.what,
        "not measured" if row.ours is None else _figure(row.ours, row.unit),
        f"{row.beside} {peer}".strip(),
        _ratio(row.ratio),
        _limits(row),
        reached,
    )


def _notes(rows: Iterable[Row]) -> list[str]:
    return [f"{row.what}: {row.note}" for row in rows if row.note]


def _limits(row: Row) -> str:
    """Say what is to be reached."""
    parts = [
        "" if row.ratio_at_most is None else f"at most {_ratio(row.ratio_at_most)} of it",
        "" if row.ratio_at_least is None else f"at least {_ratio(row.ratio_at_least)} of it",
        "" if row.at_most is None else f"at most {_figure(row.at_most, row.unit)}",
        "" if row.at_least is None else f"at least {_figure(row.at_least, row.unit)}",
    ]
    return ", ".join(part for part in parts if part)


def _ratio(ratio: float | None) -> str:
    """Write a small ratio as a fraction, which says more than zeros."""
    if ratio is None:
        return ""
    return f"1/{1 / ratio:.0f}" if 0 < ratio < 0.1 else f"{ratio:.2f}"


def _figure(figure: float, unit: str) -> str:
    """Write three digits that count, and no more zeros than needed."""
    text = f"{figure:,.0f}" if figure == round(figure) or abs(figure) >= 100 else f"{figure:.3g}"
    return f"{text} {unit}".strip()
