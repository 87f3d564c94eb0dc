"""A stand-in for WaveSpeed, and sessions that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from session_fakes import KEY, FakeService, QuickSession

from hailuo_nb.wavespeed import client

Open = Callable[..., QuickSession]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """Give a stand-in for WaveSpeed, with a key in the environment."""
    made = FakeService()
    monkeypatch.setattr(client, "Client", made.client)
    monkeypatch.setenv("WAVESPEED_API_KEY", KEY)
    # Whatever goes past the stand-in must find nobody.
    monkeypatch.setenv("WAVESPEED_BASE_URL", "http://127.0.0.1:9")
    return made


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[Open]:
    """Give what opens sessions in the test's folder, with settings as ``%config`` would set them."""
    opened: list[QuickSession] = []

    def open_one(folder: Path = tmp_path, **settings: Any) -> QuickSession:
        opened.append(QuickSession(folder, configured=lambda: settings))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def session(service: FakeService, open_session: Open) -> QuickSession:
    """Give a session with the stand-in, under the silver tier so that nothing waits for its turn."""
    return open_session(tier="silver")
