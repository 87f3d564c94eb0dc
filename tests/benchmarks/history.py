"""What the history of 100,000 clips costs as a DataFrame, beside plain pandas.read_sql of the same columns.

The peer reads the same columns of the same tables on the same file and makes nothing of them: no times, no categories,
no parsed inputs, no sums. The seconds are of a core, because both only compute, and on a busy machine the clock
measures the others.

Half of the time is SQLite handing out four million values, ours as the peer's. What was ours alone and went: rows as
SQLAlchemy makes them (bare tuples now, for votes, measures and reuse too), turning 100,000 tuples over at once (now a
thousand at a time), two Python lists for every column of numbers (numpy reads None as NaN), and a cell's words with
each of its clips (now each batch is read once). Switching the garbage collector off gained 2 % and was not kept.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pandas as pd

from hailuo_nb.analysis.history import history
from hailuo_nb.ledger.measuring import NAMES
from hailuo_nb.ledger.reading import _NOT_SHOWN
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.ledger.tables import clips
from tests.benchmarks.frame.row import Row
from tests.benchmarks.frame.timing import cpu_seconds, in_turn, median, seconds
from tests.benchmarks.made.ledger import make

PEERS = ("pandas", "sqlalchemy")

CLIPS = 100_000
LAST = 200
SHOWN = ", ".join(f"clips.{column.name}" for column in clips.c if column.name not in _NOT_SHOWN)
JOINED = "clips LEFT JOIN batches ON batches.id = clips.batch_id ORDER BY clips.seq DESC"
PEER = (
    f"SELECT {SHOWN}, batches.notebook, batches.cell_id, batches.previous FROM {JOINED}",
    f"SELECT clip_id, {', '.join(NAMES)} FROM measures",
    "SELECT clip_id, count(*), sum(saved_micros) FROM events WHERE event = 'reused' GROUP BY clip_id",
    "SELECT left_clip, right_clip, answer FROM votes",
)


def rows() -> list[Row]:
    """Measure both on one ledger, and the newest clips alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hailuo" / "ledger.db"
        path.parent.mkdir()
        make(path, CLIPS)
        with Ledger.open(path) as ledger, closing(sqlite3.connect(path)) as file:
            assert len(history(ledger)) == sum(len(frame) for frame in _plain(file)[:1]) == CLIPS
            ours, theirs = in_turn(
                lambda: cpu_seconds(lambda: history(ledger)), lambda: cpu_seconds(lambda: _plain(file))
            )
            assert len(history(ledger, limit=LAST)) == LAST
            last = [seconds(lambda: history(ledger, limit=LAST)) * 1000 for _ in range(21)]
            last_cpu = [cpu_seconds(lambda: history(ledger, limit=LAST)) * 1000 for _ in range(21)]
    return [
        Row(
            f"history of {CLIPS:,} clips, all columns",
            median(ours),
            "s",
            peer=median(theirs),
            beside="plain pandas.read_sql",
            ratio_at_most=1.3,
            note="seconds of a core",
            raw={"ours": ours, "peer": theirs},
        ),
        Row(
            f"history of the last {LAST} of {CLIPS:,} clips",
            median(last),
            "ms",
            at_most=20,
            raw={"ours": last, "of a core": last_cpu},
        ),
    ]


def _plain(file: sqlite3.Connection) -> list[pd.DataFrame]:
    return [pd.read_sql(query, file) for query in PEER]
