"""What a running cell sends to the page, beside a bar of ``tqdm.notebook`` for each of the same clips.

The same clips, prompts and times, in two kernels: one shows the card, with a front end that answers as JupyterLab does,
the other follows the jobs ten times a second in a loop and gives each a bar, moved where its job moved, with tqdm's own
``mininterval``. Counted are messages of widgets (``comm_open``, ``comm_msg``) and displays; what only opens outputs,
once a cell, is told apart from what follows, since a rate means nothing there. A second is the worst of all windows of
one second.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.frame.row import Row
from tests.benchmarks.made.running import Kernel, Service, Told, at_service, kernel, stand_in
from tests.benchmarks.made.stand_in import Ways
from tests.compared_clips import draw

PEERS = ("tqdm", "ipywidgets")

COUNTS = (1, 20, 200)
WAYS = Ways(median_s=3.0, clip_bytes=100_000)
MOST_A_JOB, MOST_A_CELL = 4, 20
BARS = """
import time
from tqdm.notebook import tqdm
import hailuo_nb as hn

STEPS = {{"submitting": 1, "submitted": 2, "processing": 3, "downloading": 4, "completed": 5}}
clips = hn.generate({prompt!r}, "t2v-standard", vary={{"number": [str(each) for each in range({count})]}}, yes=True)
bars = [tqdm(total=5, desc=job.id) for job in clips]
while True:
    is_done = clips.done()
    for job, bar in zip(clips, bars):
        step = STEPS.get(job.status, 0)
        if step > bar.n:
            bar.update(step - bar.n)
    if is_done:
        break
    time.sleep(0.1)
for bar in bars:
    bar.close()
"""
PROMPT = "Fox {number} crosses a river"


@dataclass(frozen=True)
class Traffic:
    """What one cell sent."""

    seconds: float
    opening: int
    widget: int
    displays: int
    worst: int
    worst_of_all: int
    kilobytes: float


def rows() -> list[Row]:
    """Measure for each number of clips, in kernels of their own."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        scene = draw(Path(name) / "scene.mp4", "A red fox crosses a river", width=640, height=360)
        with stand_in(Path(name), replace(WAYS, scene=str(scene))) as service:
            for count in COUNTS:
                ours = _in_kernel(Path(name) / f"{count}-ours", service, count, of_card)
                theirs = _in_kernel(Path(name) / f"{count}-bars", service, count, of_bars)
                found += _rows(count, ours, theirs)
    return found


def _rows(count: int, ours: Traffic, theirs: Traffic) -> list[Row]:
    clips = f"{count} clip{'s' if count > 1 else ''} out"
    return [
        Row(
            f"widget messages in the worst second, {clips}",
            ours.worst,
            "",
            peer=theirs.worst,
            beside="tqdm.notebook",
            at_most=min(MOST_A_JOB * count, MOST_A_CELL),
            note=f"{ours.worst_of_all} with displays; {_told(ours)}; tqdm {_told(theirs)}",
        ),
        Row(
            f"sent to the page, {clips}", ours.kilobytes, "kB", peer=theirs.kilobytes, beside="tqdm.notebook"
        ),
    ]


def _told(one: Traffic) -> str:
    mean = (one.widget + one.displays) / one.seconds
    sent = f"{one.widget} + {one.displays} displays in {one.seconds:.0f} s, {mean:.1f} a second"
    return f"{one.opening} to open, then {sent}"


def _in_kernel(
    folder: Path, service: Service, count: int, measure: Callable[[Kernel, int], Traffic]
) -> Traffic:
    folder.mkdir()
    settings = at_service(service, tier="gold", confirm_above_usd=10_000, max_clips=max(COUNTS))
    with kernel(folder, settings) as running:
        running.run("%load_ext hailuo_nb")
        return measure(running, count)


def of_card(running: Kernel, count: int) -> Traffic:
    """Count what a cell's card sends, until its outputs are static."""
    numbers = "|".join(map(str, range(count)))
    words = PROMPT.replace("{number}", f"{{number: {numbers}}}")
    told = running.run(f"%%hailuo clips << t2v-standard -y\n{words}", until=Front(running))
    assert running.value("[job.status for job in clips]") == ["completed"] * count
    return counted(told)


def of_bars(running: Kernel, count: int) -> Traffic:
    """Count what bars send, until all are full."""
    return counted(running.run(BARS.format(prompt=PROMPT, count=count)))


class Front:
    """A front end: says hello to the card, and knows when its place is taken by a line of text."""

    def __init__(self, running: Kernel) -> None:
        self._running = running

    def __call__(self, told: Told) -> bool:
        """Take in a message; gives whether it was the last."""
        content = told.content
        if told.kind == "comm_open" and "_esm" in content["data"].get("state", {}):
            self._running.say(content["comm_id"], {"type": "hello", "page": "benchmark"})
        name = (
            content.get("transient", {}).get("display_id", "") if told.kind == "update_display_data" else ""
        )
        # A long card is drawn behind its cell: then its first drawing is an update too.
        is_widget = "application/vnd.jupyter.widget-view+json" in content.get("data", {})
        return str(name).endswith("-card") and not is_widget


def counted(told: Sequence[Told]) -> Traffic:
    """Count the messages of widgets and displays."""
    opening = [each for each in told if each.kind in {"comm_open", "display_data", "execute_result"}]
    widget = [each for each in told if each.kind == "comm_msg"]
    displays = [each for each in told if each.kind == "update_display_data"]
    sizes = [len(json.dumps(each.content)) + each.buffer_bytes for each in (*opening, *widget, *displays)]
    return Traffic(
        max(each.at_s for each in (*widget, *displays)),
        len(opening),
        len(widget),
        len(displays),
        worst_second(widget),
        worst_second([*widget, *displays]),
        sum(sizes) / 1000,
    )


def worst_second(told: Sequence[Told]) -> int:
    """Give how many messages came within one second at the most."""
    moments = [each.at_s for each in told]
    return max((sum(begin <= each < begin + 1 for each in moments) for begin in moments), default=0)
