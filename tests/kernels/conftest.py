"""What the tests with real kernels share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_studio import Studio

pytest.register_assert_rewrite("kernel_questions")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """Give a folder with a simulator of its own."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    made = Studio(folder)
    yield made
    made.close()
