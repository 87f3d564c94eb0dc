"""What a dry run of 946 real prompts takes in one cell, beside handing each whole prompt to a template engine.

The peer is jinja2 compiling and filling the same texts and pandas making a table of them, with nothing checked, priced
or looked up: what a notebook does by hand.
"""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

import jinja2
import pandas as pd

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median, seconds

PEERS = ("jinja2", "pandas")

SHARED = Path(__file__).resolve().parents[3] / "shared"
TESTS = Path(__file__).resolve().parents[1]


def rows() -> list[Row]:
    """Measure both in one shell."""
    file = SHARED / "prompts" / "vbench.txt"
    if not file.is_file():
        raise NotMeasured("the prompts are not beside this clone")
    prompts = file.read_text("utf-8").splitlines()
    sys.path.insert(0, str(TESTS / "notebook"))
    from notebook_shell import open_shell

    cell = "%%hailuo t2v-standard --max-clips 1000 --dry-run\n"
    cell += "\n---\n".join(f"{{{{style}}}} {prompt}" for prompt in prompts)
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        redirect_stdout(io.StringIO()),
        open_shell(Path(folder)) as shell,
    ):
        shell.names["style"] = "35 mm film,"
        shell.run("%%hailuo --dry-run\nwarm up")
        ours, theirs = in_turn(
            lambda: seconds(lambda: shell.run(cell)), lambda: seconds(lambda: _by_hand(prompts))
        )
    return [
        Row(
            f"dry run of {len(prompts)} prompts in one cell",
            median(ours),
            "s",
            peer=median(theirs),
            beside="jinja2 and pandas",
            raw={"ours": ours, "peer": theirs},
        )
    ]


def _by_hand(prompts: list[str]) -> pd.DataFrame:
    """Fill every prompt and tabulate them."""
    filled = [jinja2.Template("{{style}} " + prompt).render(style="35 mm film,") for prompt in prompts]
    return pd.DataFrame({"prompt": filled, "quote_usd": 0.28})
