"""One simulator for all tests of a worker that only talk to it, and clips drawn once for all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator_caller import Caller
from simulator_process import SimulatorProcess, start_simulator


@pytest.fixture(scope="session")
def drawn_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of clips for all simulators of all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    # The run's own folder: a worker of pytest-xdist has one below it, and without workers there is none above.
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawn-clips"


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory, drawn_clips: Path) -> Iterator[SimulatorProcess]:
    """Give a quick, rich simulator; tests that need it to themselves start their own."""
    with start_simulator(tmp_path_factory.mktemp("shared"), tier="ultra", clips=drawn_clips) as started:
        yield started


@pytest.fixture
def call(simulator: SimulatorProcess) -> Iterator[Caller]:
    """Give a client of the shared simulator."""
    caller = Caller(simulator.base_url)
    yield caller
    caller.http.close()


@pytest.fixture
def own(tmp_path: Path, drawn_clips: Path) -> Iterator[Callable[..., tuple[SimulatorProcess, Caller]]]:
    """Start simulators of a test's own."""
    started: list[tuple[SimulatorProcess, Caller]] = []

    def start(**options: Any) -> tuple[SimulatorProcess, Caller]:
        process = start_simulator(tmp_path / str(len(started)), clips=drawn_clips, **options)
        started.append((process, Caller(process.base_url)))
        return started[-1]

    yield start
    for process, caller in started:
        caller.http.close()
        process.stop()
