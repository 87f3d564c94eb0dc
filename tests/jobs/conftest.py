"""Worlds for the tests of jobs, closed at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs_world import VirtualLoop, World, virtual_loop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """Give a loop with virtual time."""
    with virtual_loop() as made:
        yield made


@pytest.fixture
def open_world(tmp_path: Path, loop: VirtualLoop) -> Iterator[Callable[..., World]]:
    """Open kernels on the test's one ledger, and close what is still open at the end."""
    opened: list[World] = []

    def open_one(**options: Any) -> World:
        opened.append(World(tmp_path, loop, **options))
        return opened[-1]

    yield open_one
    for world in opened:
        world.close()


@pytest.fixture
def world(open_world: Callable[..., World]) -> World:
    """Give one kernel."""
    return open_world()
