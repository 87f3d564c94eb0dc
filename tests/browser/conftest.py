"""One JupyterLab for all browser tests, and one Chromium for each module of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import lab_clips
import pytest
from lab import CHROMIUM, LabServer, chromium
from playwright.sync_api import Browser, expect

# A busy machine takes its time; what is there at once is seen at once all the same.
expect.set_options(timeout=30_000)


# Of the module, not the session: while Playwright is open its event loop counts as running in this thread, and
# tests of other rooms that follow in the same worker could start none of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser; tests are skipped only where there is none, and never in CI."""
    if not CHROMIUM:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium is installed: apt-get install chromium")
        pytest.skip("no Chromium is installed")
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Start the server, with four small real clips in its folder."""
    running = LabServer(tmp_path_factory.mktemp("lab"))
    (running.root / "card_driver.py").write_text((Path(__file__).parent / "card_driver.py").read_text())
    lab_clips.write_clips(running.root / "hailuo" / "clips")
    running.start()
    yield running
    running.stop()
