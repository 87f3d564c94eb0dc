"""Prompts: the 946 of VBench where they lie beside this clone, made-up ones else."""

from __future__ import annotations

from itertools import product
from pathlib import Path

SHARED = Path(__file__).resolve().parents[4] / "shared"

_WHO = ("A red fox", "A glass marble", "Two kayakers", "An old tram", "A paper boat", "A flock of starlings")
_DOES = ("crosses", "drifts over", "slowly circles", "races along", "rests beside", "disappears into")
_WHERE = (
    "a frozen lake",
    "a busy market",
    "the rooftops of a city",
    "a field of barley",
    "a canyon",
    "the sea",
)
_LIGHT = ("at dawn", "at noon", "in the rain", "at night, seen from afar", "in fog, [Pan left]", "[Zoom in]")


def prompts(count: int) -> list[str]:
    """Give so many prompts, all different."""
    file = SHARED / "prompts" / "vbench.txt"
    if file.is_file():
        known = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    else:
        known = [" ".join(words) for words in product(_WHO, _DOES, _WHERE, _LIGHT)]
    # By a step that shares no factor with their number, so that few prompts are of many kinds.
    step = next(step for step in (389, 397, 401) if len(known) % step)
    return [
        known[number * step % len(known)]
        + (f", version {number // len(known) + 1}" if number >= len(known) else "")
        for number in range(count)
    ]
