"""Runs in the kernel of a browser test: drives a card by hand, as the magics will, from a background loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from hailuo_nb.notebook.card import CardPainter, show_static
from hailuo_nb.notebook.view import Action, CardView, ClipView, Confirm, arrange, file_src, word_for

PROMPT = (
    "A glass marble rolls off a wooden table and falls in slow motion towards a pile of autumn leaves, "
    "[Tracking shot] while late afternoon light comes through the window."
)

loop = asyncio.new_event_loop()
contextvars.Context().run(threading.Thread(target=loop.run_forever, daemon=True, name="hailuo").start)
seen: list[dict[str, Any]] = []


def clip(place: int, **changes: Any) -> ClipView:
    """Make one clip on its way."""
    file = f"hailuo/clips/fox #{place % 4} é-t1.mp4"
    made = ClipView(
        key=str(place),
        id=f"3f2a91c{place:x}",
        name="fox",
        file=file,
        src=file_src(file),
        variant="t2v-pro",
        prompt=PROMPT,
        status="processing",
        started_ms=int(time.time() * 1000) - 9000,
        typical_s=(40, 70),
        price="$0.49",
        width=1366,
        height=768,
        prediction_id=f"pred-{place}",
        axes={"variant": "t2v-pro", "length": "6 s", "size": "1080p"},
    )
    made = replace(made, **changes)
    return replace(made, word=word_for(made.status))


def card(*clips: ClipView, **changes: Any) -> CardView:
    """Make a card."""
    made = CardView("batch 1", clips, headline=f"{len(clips)} clips at $0.49", is_simulated=True)
    return arrange(replace(made, **changes))


def done(one: ClipView) -> ClipView:
    """Finish a clip."""
    return replace(one, status="completed", word="done", elapsed_s=52.0, started_ms=None)


def poster(place: int) -> bytes:
    """Read the poster that lies beside each clip."""
    return Path(f"hailuo/clips/poster{place % 4}.jpg").read_bytes()


def posters_of(view: CardView) -> Mapping[str, bytes]:
    """Give the posters of all finished clips."""
    return {one.key: poster(int(one.key)) for one in view.clips if one.word == "done"}


def painter(view: CardView, posters: Mapping[str, bytes] | None = None, **options: Any) -> CardPainter:
    """Show a card in the running cell."""
    made = CardPainter(f"test-{uuid4()}", call_later=loop.call_later, on_message=seen.append, **options)
    made.show(view, posters or {})
    return made


def later(seconds: float, call: Any, *args: Any) -> None:
    """Call from the background loop, as the jobs do."""
    contextvars.Context().run(loop.call_soon_threadsafe, loop.call_later, seconds, call, *args)


__all__ = [
    "Action",
    "Confirm",
    "arrange",
    "card",
    "clip",
    "done",
    "later",
    "loop",
    "painter",
    "poster",
    "posters_of",
    "replace",
    "seen",
    "show_static",
]
