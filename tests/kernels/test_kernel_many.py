"""Many clips from one cell, in a real kernel: it stays free, a rerun costs nothing and shows the same."""

from __future__ import annotations

import statistics
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from headless import execute, outputs
from kernel_studio import Studio

from crash_kernel import Kernel  # isort: skip - kernel_studio puts its folder on the path

CLIPS = 200
# What is promised; 22 to 57 ms were measured while six other programs kept both cores busy.
MOST_MEDIAN_S = 0.1


@pytest.mark.timeout(420)
def test_the_kernel_is_free_while_200_clips_are_made(studio: Studio, shared: Path) -> None:
    """Other cells answer as always while one cell's 200 real prompts become clips, each of them billed once."""
    prompts = (shared / "prompts" / "vbench.txt").read_text("utf-8").splitlines()[:CLIPS]
    kernel = Kernel(studio.folder, {})
    try:
        assert kernel.run("%load_ext hailuo_nb")["status"] == "ok"
        cell = f"%%hailuo batch << t2v-standard --max-clips {CLIPS}\n" + "\n---\n".join(prompts)
        assert kernel.run(cell)["status"] == "ok"
        took = answers_while_busy(kernel)
        assert len(took) >= 20, "the clips were there before anything could be measured"
        median = statistics.median(took)
        sys.stdout.write(
            f"{len(took)} cells answered in {median * 1000:.0f} ms at the median, {max(took) * 1000:.0f} ms at most"
            "\n"
        )
        assert median < MOST_MEDIAN_S
        said = kernel.value(
            "sorted({(job.status, job.path.is_file()) for job in batch}), len({job.path for job in batch})"
        )
        assert said == f"([('completed', True)], {CLIPS})"
    finally:
        kernel.close()
    assert studio.billed_usd == CLIPS * Decimal("0.28")


def answers_while_busy(kernel: Kernel) -> list[float]:
    """Run small cells until the batch is done; gives how long each took to answer."""
    took: list[float] = []
    until = time.monotonic() + 360
    while True:
        took += [kernel.answer_s("1 + 1") for _ in range(10)]
        if kernel.value("batch.done()") == "True":
            return took
        assert time.monotonic() < until, "the clips were never done"


CELLS = [
    "%load_ext hailuo_nb",
    "import pandas as pd\ndf = pd.DataFrame({'animal': ['hare', 'elk'], 'duration': [6, 10]})",
    "%%hailuo t2v-standard t2v-pro --dry-run\na fox {light: at dawn|at dusk}",
    "%%hailuo foxes << t2v-standard t2v-pro --takes 2 --max-clips 20\na fox {light: at dawn|at dusk} for $5 and $6",
    "%%hailuo t2v-standard --from df\nan {animal} in the snow",
    "import hailuo_nb as hn\nbatch = hn.generate('an owl {x}', 't2v-standard', vary={'x': [1, 2]}, takes=2)\nbatch",
    "foxes.df[['prompt', 'params.light', 'take', 'path']]",
]
# Eight foxes, two animals of 6 and 10 s, four owls: by the price list, by hand.
BILL = 4 * Decimal("0.28") + 4 * Decimal("0.49") + Decimal("0.28") + Decimal("0.56") + 4 * Decimal("0.28")


@pytest.mark.timeout(300)
def test_a_notebook_that_is_run_three_times_pays_once(studio: Studio) -> None:
    """The second and the third run send nothing, and every output has the same bytes."""
    runs = [shown(execute(studio.folder, CELLS)) for _ in range(1)]
    assert studio.billed_usd == BILL
    clips = files(studio)
    runs += [shown(execute(studio.folder, CELLS)) for _ in range(2)]
    assert studio.billed_usd == BILL
    assert len(studio.prompts()) == 14
    assert runs[0] == runs[1] == runs[2]
    assert files(studio) == clips
    assert len(clips) == 14
    assert [kind for cell in runs[0] for kind, _ in cell] == [
        *("execute_result", "display_data", "display_data", "display_data", "execute_result")
    ]


def shown(notebook: Any) -> list[list[tuple[str, Any]]]:
    """Give the outputs of every cell, without the count of the execution."""
    return [
        [(output.output_type, output.get("data", output.get("text"))) for output in outputs(notebook, number)]
        for number in range(len(CELLS))
    ]


def files(studio: Studio) -> dict[str, bytes]:
    """Give every clip with its bytes."""
    return {path.name: path.read_bytes() for path in (studio.folder / "hailuo" / "clips").glob("*.mp4")}
