"""A notebook's folder with a few finished clips, small but real, and a ledger that knows them.

In come a folder and the axes of the clips; out go the files and ``hailuo/ledger.db`` with a row for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.simulator.film import make_clip

STEPS = ("submitting", "submitted", "processing", "downloading", "completed")
FOUR = tuple(
    {"light": light, "camera": camera} for light in ("dawn", "noon") for camera in ("[Pan left]", "[Push in]")
)


def draw(path: Path, prompt: str, *, width: int = 480, height: int = 270, length_s: int = 1) -> Path:
    """Draw one clip as the simulator does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    job = {"width": width, "height": height, "length_s": length_s, "variant": "t2v-standard", "take": 1}
    make_clip({**job, "same": "s", "picture": None, "prompt": prompt, "path": str(path)})
    return path


def write_ledger(
    folder: Path,
    axes: Sequence[Mapping[str, str]] = FOUR,
    *,
    done: int | None = None,
    ends: Mapping[int, str] | None = None,
) -> list[str]:
    """Write clips and ledger; gives the ids.

    All but the first `done` clips are planned and not sent, or sent and in the status that `ends` says.
    """
    ids, ends = [], ends or {}
    with Ledger.open(folder / "hailuo" / "ledger.db") as ledger:
        clips = [_clip(number, each) for number, each in enumerate(axes)]
        for number, got in enumerate(ledger.reserve(NewBatch(), clips)):
            ids.append(got.row.id)
            if done is not None and number >= done:
                for status in ("submitting", ends[number]) if number in ends else ():
                    ledger.move(got.row.id, fence=got.fence or 0, to=status, error="The service said (1301).")
                continue
            file = f"hailuo/clips/fox #{number} é-t1.mp4"
            draw(folder / file, got.row.prompt)
            for status in STEPS:
                facts = {"path": file, "duration_s": 1.0, "width": 480, "height": 270, "fps": 24.0}
                ledger.move(
                    got.row.id, fence=got.fence or 0, to=status, **facts if status == "completed" else {}
                )
    return ids


def _clip(number: int, axes: Mapping[str, str]) -> NewClip:
    prompt = f"A fox crosses a river {' '.join(axes.values())}"
    return NewClip(
        service="simulator",
        request_hash=hashlib.sha256(f"{number} {prompt}".encode()).hexdigest(),
        variant="t2v-standard",
        model_id="minimax/hailuo-2.3/t2v-standard",
        prompt=prompt,
        axes=dict(axes),
        inputs={"prompt": prompt},
        quote_usd=Decimal("0.28"),
        quote_source="table",
        name="fox",
    )
