"""The table; see `tests.benchmarks` for the options and how a benchmark is added."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.frame import alone
from tests.benchmarks.frame.machine import load_line, machine_line, versions_line
from tests.benchmarks.frame.row import Row
from tests.benchmarks.frame.table import as_markdown, as_text

# What a reader meets first comes first; a benchmark that is not named here comes last.
ORDER = (
    "loading",
    "first_card",
    "twenty_clips",
    "thousand_clips",
    "kernel_free",
    "widget_traffic",
    "notebook_size",
    "page",
    "completion",
    "history",
    "ledger",
    "download",
    "polling",
    "dry_run",
    "simulator",
)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a benchmark broke."""
    have = sorted(alone.names(), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    asked = _options(have).parse_args(words)
    if asked.list:
        sys.stdout.write("".join(f"{name:16} {_what(name)}\n" for name in have))
        return 0
    unknown = [name for name in asked.names if name not in have]
    if unknown:
        sys.stderr.write(f"No benchmark is called {', '.join(unknown)}. There are: {', '.join(have)}.\n")
        return 2
    load = load_line()
    rows: list[Row] = []
    peers: list[str] = []
    for name in asked.names or have:
        sys.stderr.write(f"{name} ...\n")
        found, named = alone.measured(name)
        rows += found
        peers += named
    where = [line for line in (machine_line(), versions_line(peers), load) if line]
    if asked.markdown:
        sys.stdout.write(f"{as_markdown(rows)}\n\n{'; '.join(where)}.\n")
    else:
        sys.stdout.write("\n".join([as_text(rows), "", *where]) + "\n")
    if asked.json:
        told = [asdict(row) | {"ratio": row.ratio, "reached": row.reached} for row in rows]
        asked.json.write_text(json.dumps({"where": where, "rows": told}, indent=1) + "\n", "utf-8")
    return int(any(row.note.startswith("broke:") for row in rows))


def _options(have: Sequence[str]) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(have)}; all without")
    options.add_argument("--markdown", action="store_true", help="print the table as the README has it")
    options.add_argument("--json", type=Path, metavar="FILE", help="keep the raw numbers")
    options.add_argument("--list", action="store_true", help="list the benchmarks")
    return options


def _what(name: str) -> str:
    """Give the first line of a benchmark's docstring, without importing what it measures."""
    text = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
    return text.removeprefix('"""').partition("\n")[0].removesuffix('"""')


if __name__ == "__main__":
    raise SystemExit(main())
