"""A ledger as weeks of work leave it: clips of two axes, two variants and both services, some failed, some out.

In come a folder and how many clips; out goes ``hailuo/ledger.db`` in it. The clips' files are links to four that lie
there already, or are said to be there only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

LIGHTS = ("dawn", "noon", "night")
CAMERAS = ("[Pan left]", "[Push in]")
VARIANTS = (("t2v-standard", Decimal("0.28")), ("t2v-pro", Decimal("0.49")))
TO_COMPLETED = ("submitting", "submitted", "processing", "downloading", "completed")
TO_FAILED = ("submitting", "submitted", "processing", "failed")


class SlowClock:
    """Seconds since 1970 that go on by a fixed step each time anybody looks."""

    def __init__(self, start: float = 1_793_700_000.0, step: float = 9.5) -> None:
        self.now = start
        self.step = step

    def __call__(self) -> float:
        """Give the time."""
        self.now += self.step
        return self.now


def new_clip(number: int, *, service: str = "simulator") -> NewClip:
    """Make one clip of the grid of lights, cameras and variants; further rounds are further takes."""
    light = LIGHTS[number % 3]
    camera = CAMERAS[number // 3 % 2]
    variant, price = VARIANTS[number // 6 % 2]
    take = number // 12 + 1
    prompt = f"A red fox crosses a river at {light}, the water up to its knees, {camera}"
    if number % 5 == 0:
        prompt += " while late afternoon light comes through the birches and leaves drift by on the stream"
    return NewClip(
        service=service,
        request_hash=hashlib.sha256(f"{prompt}{variant}".encode()).hexdigest(),
        take=take,
        variant=variant,
        model_id=f"minimax/hailuo-2.3/{variant}",
        prompt=prompt,
        prompt_template="A red fox crosses a river at {light}, the water up to its knees, {camera}",
        axes={"light": light, "camera": camera},
        inputs={"prompt": prompt, "enable_prompt_expansion": True},
        quote_usd=price,
        quote_source="table",
        duration_s=6,
        name="fox",
    )


def carry(ledger: Ledger, clips: Sequence[NewClip], *, batch: NewBatch | None = None) -> list[ClipRow]:
    """Reserve clips and take each to its end: every eleventh fails, every thirteenth is still out."""
    rows = []
    for number, got in enumerate(ledger.reserve(batch or NewBatch(), clips)):
        assert got.fence is not None
        row = got.row
        statuses = TO_FAILED if number % 11 == 10 else TO_COMPLETED[:3] if number % 13 == 12 else TO_COMPLETED
        for status in statuses:
            facts = {}
            if status == "completed":
                facts = {
                    "path": file_of(row.seq - 1),
                    "duration_s": 6.0,
                    "width": 1366,
                    "height": 768,
                    "fps": 24.0,
                }
                facts |= {"sha256": f"{row.seq:064x}", "bytes": 4_200_000}
            if status == "failed":
                facts = {"error": "The service refused this prompt; change its words. (code 1026)"}
            row = ledger.move(row.id, fence=got.fence, to=status, **facts)
        rows.append(row)
    return rows


def file_of(number: int) -> str:
    """Name the file of the n-th clip of a ledger; it needs quoting."""
    return f"hailuo/clips/fox #{number} é-t1.mp4"


def write_ledger(folder: Path, count: int, *, real: int = 0) -> None:
    """Write a ledger of ``count`` clips, the last ``real`` of them of WaveSpeed, and link their files."""
    with Ledger.open(folder / "hailuo" / "ledger.db", clock=SlowClock()) as ledger:
        cell = NewBatch(notebook="table.ipynb", cell_id="c1", cell_text="A red fox")
        carry(ledger, [new_clip(n) for n in range(count - real)], batch=cell)
        carry(ledger, [new_clip(n, service="wavespeed") for n in range(real)], batch=cell)
    for number in range(4, count):
        source, link = folder / file_of(number % 4), folder / file_of(number)
        if source.is_file() and not link.exists():
            os.link(source, link)
