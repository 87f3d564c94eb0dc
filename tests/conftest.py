"""What every test gets: an empty environment, an empty folder, and no way out but loopback."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.load_profile("ci")

# A wait inside a running loop has nest-asyncio2 put its own in the place of it, which leaves its loops open.
RUN = asyncio.run
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away keys, settings and proxies, and stand in an empty folder."""
    for name in list(os.environ):
        if name.startswith(("HAILUO_", "WAVESPEED_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(asyncio, "run", RUN)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shared() -> Path:
    """Give the folder of reference data, or skip where a clone stands alone."""
    if not SHARED.is_dir():
        pytest.skip("reference data is not beside this clone")
    return SHARED
