"""Several kernels on one ledger.

The whole of it, with real kernels: ``python -m tests.faults --runs 0 --four-kernels 200``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from crash_harness import Harness, Kill, Plan
from four_kernels import crowd


def test_four_kernels_share_ledger_limits_and_clips(tmp_path: Path) -> None:
    """On bronze limits: no row lost, nothing downloaded twice, not one 429, the key not at the simulator."""
    made = crowd(tmp_path, clips=20, speed=150)
    assert made.violations == []
    assert (made.rate_limited, made.double_downloads) == (0, 0)


@pytest.mark.parametrize(
    "kill",
    [
        Kill(call="submit", stage="forwarded"),
        Kill(call="result", stage="read", nth=2),
        Kill(call="download", stage="answering"),
        Kill(point="name:after"),
    ],
    ids=str,
)
def test_a_living_kernel_takes_over_what_a_dead_one_left(harness: Harness, kill: Kill) -> None:
    """Both ran the same cell; one is killed while it holds the job, the other finishes it and nobody pays twice."""
    tag = f"rival-{kill}".translate(str.maketrans(":@# ", "----"))
    cells = [{"prompt": f"a fox of two kernels {tag} [large]", "variant": "t2v-standard"}]
    result = harness.run(Plan(tag, cells, kills=[kill], has_rival=True))
    assert result.violations == []
    assert result.statuses["completed"] == 1
