"""One table of what hailuo_nb costs, each row beside a peer in the same run.

``python -m tests.benchmarks`` prints it, ``python -m tests.benchmarks twenty_clips`` those rows alone. Nothing here is
a timed test: machines are noisy, so a figure is a median and means something only beside its peer. Peers come with
``pip install '.[bench]'``.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.benchmarks import dry_run, first_card, kernel_free, loading, polling, thousand_clips, twenty_clips


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    peer: str
    ratio: str


ROWS: tuple[Callable[[], tuple[str, str, str, str]], ...] = (
    loading.row,
    dry_run.row,
    polling.recorded,
    polling.long_tail,
    polling.worst,
    twenty_clips.wall,
    twenty_clips.noticed,
    twenty_clips.connections,
    thousand_clips.sending,
    thousand_clips.waiting,
    thousand_clips.places,
    kernel_free.row,
    first_card.row,
)


def main() -> int:
    """Measure and print."""
    wanted = set(sys.argv[1:])
    known = {measure.__module__.rpartition(".")[2] for measure in ROWS}
    if not wanted <= known:
        sys.stderr.write(f"There are: {', '.join(sorted(known))}.\n")
        return 2
    rows = [
        Row(*measure()) for measure in ROWS if not wanted or measure.__module__.rpartition(".")[2] in wanted
    ]
    head = Row("what", "hailuo_nb", "beside", "ratio")
    widths = [
        max(len(getattr(row, name)) for row in [head, *rows]) for name in ("what", "ours", "peer", "ratio")
    ]
    for row in [head, *rows]:
        cells = (row.what, row.ours, row.peer, row.ratio)
        sys.stdout.write(
            "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)) + "\n"
        )
    made = datetime.now(UTC).date()
    sys.stdout.write(
        f"{made}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
