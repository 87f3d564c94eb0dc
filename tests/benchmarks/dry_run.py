"""What a dry run of 946 real prompts takes in one cell, beside handing each whole prompt to a template engine.

The peer is jinja2 compiling and filling the same texts and pandas making a table of them, with nothing checked, priced
or looked up: what a notebook does by hand.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from pathlib import Path

import jinja2
import pandas as pd

SHARED = Path(__file__).resolve().parents[3] / "shared"
TESTS = Path(__file__).resolve().parents[1]


def row() -> tuple[str, str, str, str]:
    """Measure both, in turn, so that a busy moment hits both."""
    prompts = (SHARED / "prompts" / "vbench.txt").read_text("utf-8").splitlines()
    sys.path.insert(0, str(TESTS / "notebook"))
    from notebook_shell import open_shell

    cell = "%%hailuo t2v-standard --max-clips 1000 --dry-run\n"
    cell += "\n---\n".join(f"{{{{style}}}} {prompt}" for prompt in prompts)
    ours, theirs = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        redirect_stdout(io.StringIO()),
        open_shell(Path(folder)) as shell,
    ):
        shell.names["style"] = "35 mm film,"
        shell.run("%%hailuo --dry-run\nwarm up")
        for _ in range(5):
            ours.append(_seconds(lambda: shell.run(cell)))
            theirs.append(_seconds(lambda: _by_hand(prompts)))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return (
        f"dry run of {len(prompts)} prompts in one cell",
        f"{mine:.2f} s",
        f"jinja2 and pandas {peer:.2f} s",
        f"{mine / peer:.2f}",
    )


def _by_hand(prompts: list[str]) -> pd.DataFrame:
    """Fill every prompt and tabulate them."""
    filled = [jinja2.Template("{{style}} " + prompt).render(style="35 mm film,") for prompt in prompts]
    return pd.DataFrame({"prompt": filled, "quote_usd": 0.28})


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
