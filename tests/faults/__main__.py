"""The long set: ``python -m tests.faults --runs 300 --seed 1``, from the repository's root.

In come a number of runs and a seed; out go one line for each run, a table of what was broken, and exit code 1 if
anything was. With ``--only N`` it repeats one run of a seed and keeps its folder. ``--four-kernels 200`` lets four
real kernels make 200 clips on one ledger, on the scaled limits of tier bronze, after the runs.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command line that prints
import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from crash_harness import Harness, Plan, Result  # noqa: E402 - the folder is put on the path above
from fault_books import KINDS  # noqa: E402
from fault_plans import plan_of  # noqa: E402
from four_kernels import crowd  # noqa: E402


def main() -> int:
    """Run, print, and tell whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=300, help="how many runs (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    parser.add_argument(
        "--kernels", type=int, default=12, help="every n-th run uses real ipykernels; 0: none"
    )
    parser.add_argument("--only", type=int, nargs="*", help="only these runs of the seed, their folders kept")
    parser.add_argument(
        "--four-kernels", type=int, metavar="CLIPS", help="so many clips by four real kernels at once"
    )
    parser.add_argument(
        "--speed", type=float, default=100, help="of the simulator for --four-kernels (default 100)"
    )
    parser.add_argument("--quiet", action="store_true", help="print only runs with violations")
    given = parser.parse_args()
    numbers = given.only if given.only is not None else range(given.runs)
    waiting: SimpleQueue[Plan] = SimpleQueue()
    for number in numbers:
        waiting.put(plan_of(given.seed, number, kernels=given.kernels))
    began = time.monotonic()
    results: list[Result] = []
    threads = [
        threading.Thread(target=_work, args=(waiting, results, given.only is not None, given.quiet))
        for _ in range(min(given.jobs, len(numbers)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _table(results, time.monotonic() - began)
    is_broken = len(results) < len(numbers) or any(result.violations for result in results)
    if given.four_kernels:
        folder = Path(tempfile.mkdtemp(prefix="hailuo-kernels-"))
        made = crowd(folder, clips=given.four_kernels, speed=given.speed, real=True)
        print(f"four kernels, one ledger: {made}", flush=True)
        if made.violations or made.rate_limited or made.double_downloads:
            is_broken = True
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if is_broken else 0


def _work(waiting: SimpleQueue[Plan], results: list[Result], keep: bool, quiet: bool) -> None:
    """Run plans until there is none left."""
    with Harness() as harness:
        while True:
            try:
                plan = waiting.get_nowait()
            except Empty:
                return
            result = harness.run(plan, keep=keep)
            results.append(result)
            if result.violations or not quiet:
                kept = f"  [{result.folder}]" if result.violations or keep else ""
                print(f"{result}{kept}", flush=True)


def _table(results: Sequence[Result], seconds: float) -> None:
    """Print what was broken, in all."""
    deaths = sum(len([d for d in result.deaths if not d.startswith("(")]) for result in results)
    clips = Counter[str]()
    broken = Counter[str]()
    for result in results:
        clips.update(result.statuses)
        broken.update({violation.kind for violation in result.violations})
    kernels = sum(result.plan.is_kernel for result in results)
    print(f"\n{len(results)} runs ({kernels} with real kernels), {deaths} killed notebooks, {seconds:.0f} s")
    print("clips in the end: " + ", ".join(f"{n} {status}" for status, n in clips.most_common()))
    for kind in KINDS:
        print(f"  {kind:<26} {broken[kind]:>4} runs")


if __name__ == "__main__":
    sys.exit(main())
