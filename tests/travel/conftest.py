"""Two real clips, made once for all tests of this room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from travel_world import opened, write_studio

from hailuo_nb.session import packing


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with two clips of the simulator; to be read only."""
    folder = tmp_path_factory.mktemp("studio")
    kept = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("HAILUO_", "WAVESPEED_"))
    }
    try:
        write_studio(folder)
    finally:
        os.environ.update(kept)
    return folder


@pytest.fixture(scope="session")
def pack(studio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a pack of these."""
    path = tmp_path_factory.mktemp("pack") / "foxes.zip"
    with opened(studio) as session:
        packing.export(session, None, path)
    return path
