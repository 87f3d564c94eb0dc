"""Clips and notebooks that leave this machine and come back.

In come files and batches; out go recipes, reports and packs. Nothing is sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hailuo_nb.media import recipe


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """Read what a clip was made from, out of the MP4 itself; None where there is nothing."""
    return recipe.read(Path(path))
