"""Real clips of the simulator in a notebook's folder, made once and copied for each test; and sessions that are closed.

In comes a temporary folder; out come a folder with a ledger, and what opens sessions in any folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hailuo_nb.session.batch import Batch
from hailuo_nb.session.session import Session

FAST = {"simulator_speed": 500, "simulator_tier": "ultra"}
PROMPT = "A fox crosses a river {light: at dawn|at night}"


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Session]:
    """Give a session in a folder."""
    made = Session(folder, configured=lambda: FAST | settings)
    made.is_headless = lambda: True
    try:
        yield made
    finally:
        made.close()


def write_studio(folder: Path) -> None:
    """Make two clips in a folder, with stars, a note, a tag and votes."""
    with opened(folder) as session:
        batch = session.generate(PROMPT, "t2v-standard", name="fox", tags="first", wait=True)
        assert isinstance(batch, Batch)
        assert [job.status for job in batch] == ["completed"] * 2, batch.first_error()
        session.ledger.rate(batch[0].id, rating=4, note="the good one")
        ballot = session.ledger.open_ballot(
            7, {"by": "light", "across": False, "clips": sorted(j.id for j in batch)}
        )
        for number, answer in enumerate(("left", "left", "tie"), start=1):
            session.ledger.vote(
                ballot.id,
                number=number,
                left=batch[0].id,
                right=batch[1].id,
                answer=answer,
                voter="ana",
                took_ms=900,
            )


def as_real(folder: Path) -> None:
    """Turn a folder of simulated clips into one of bought ones: only the rows say who made a clip."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "hailuo" / "ledger.db")) as file:
        file.execute("UPDATE clips SET service = 'wavespeed', key_fingerprint = 'somebody-elses'")
        file.execute("UPDATE spent SET service = 'wavespeed'")
        file.commit()


def copied(studio: Path, folder: Path) -> Path:
    """Copy the studio's folder."""
    shutil.copytree(studio / "hailuo", folder / "hailuo", ignore=shutil.ignore_patterns("simulator", "locks"))
    return folder


def money(session: Session) -> tuple[float, float, Decimal]:
    """Give the totals and what the budget counts."""
    attrs = session.history().attrs
    return attrs["total_usd"], attrs["simulated_usd"], session.ledger.committed_usd("simulator")
