"""One simulator and one forge for all tests of a worker: starting them takes longer than a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from crash_harness import Harness  # noqa: E402 - the folder is put on the path above

collect_ignore_glob = [] if hasattr(os, "pidfd_open") else ["test_faults_*.py"]


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Give a simulator and a forge."""
    with Harness(tmp_path_factory.mktemp("faults")) as made:
        yield made
