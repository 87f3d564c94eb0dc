"""A notebook's work in a plain process that can be killed in earnest, and the process that forks such.

As a program it imports the package once and then forks a child for every line of JSON it reads: a start costs
milliseconds instead of a second. In come specs (of `crash_harness.Harness.start`), out goes a report file, which a
killed child never writes. The same `settled_report` runs inside real kernels.

Time is squeezed: pauses of the package's own are shortened by `PAUSES`, its limits for silence to about a second.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

PAUSES = 0.2
SUBMIT_S, READ_S, CONNECT_S, GRACE_S = 2.0, 1.2, 1.5, 3.0


def hurry() -> None:
    """Shorten every pause; call it before the package is imported."""
    plain = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        return await plain(delay * PAUSES if delay > 0.02 else delay, result)

    asyncio.sleep = sleep  # type: ignore[assignment]


def be_impatient() -> None:
    """Shorten the limits for silence."""
    import httpx

    from hailuo_nb.wavespeed import download
    from hailuo_nb.wavespeed.exchange import Patience

    short = {"connect_s": CONNECT_S, "read_s": READ_S, "total_s": 3.0, "submit_s": SUBMIT_S}
    short |= {"wait_first_s": 0.3, "wait_most_s": 3.0, "patience_s": 10.0}
    fields = Patience.__dataclass_fields__
    Patience.__init__.__defaults__ = tuple(short.get(name, each.default) for name, each in fields.items())
    download._TIMEOUT = httpx.Timeout(connect=CONNECT_S, pool=30.0, read=READ_S, write=5.0)
    download.SLOW_WINDOW_S = 3.0


def run_code(spec: dict[str, Any]) -> None:
    """Run cells in a shell, as a notebook without a front end.

    ``UNCONFIRMED`` and ``FAILED`` stand for the id of the first such clip at the last ``SETTLE``.
    """
    from IPython.core.interactiveshell import InteractiveShell

    from hailuo_nb.notebook import api

    os.chdir(spec["folder"])
    os.environ.update(spec["env"])
    _log_everything(Path(spec["log"]))
    if spec.get("arm"):
        import kill_points

        kill_points.arm(*spec["arm"])
    shell = InteractiveShell.instance()
    report: dict[str, Any] = {"errors": [], "traceback": ""}
    for code in ("%load_ext hailuo_nb", *spec["code"]):
        if "SETTLE" in code:
            report |= settled_report(api.session(), [], spec["wait_s"], spec.get("grace_s", GRACE_S))
            continue
        for status in ("unconfirmed", "failed"):
            those = [job["id"] for job in report.get("jobs", ()) if job["status"] == status]
            code = code.replace(status.upper(), (those or ["none"])[0])  # noqa: PLW2901 - the cell as typed
        result = shell.run_cell(code)
        if result.error_in_exec is not None:
            report["errors"].append(f"{type(result.error_in_exec).__name__}: {result.error_in_exec}")
    report |= settled_report(api.session(), [], spec["wait_s"], spec.get("grace_s", GRACE_S))
    write_report(Path(spec["report"]), report)
    api.close()


def _limit_files(most_bytes: int, seconds: float) -> None:
    """Let no file grow over a size, as on a full disk, until some seconds are over."""
    import resource
    import signal
    import threading

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    lift = threading.Timer(seconds, resource.setrlimit, (resource.RLIMIT_FSIZE, (hard, hard)))
    lift.daemon = True
    lift.start()


def run(spec: dict[str, Any]) -> None:
    """Do what one notebook does: take up what is out, run the cells, wait, report."""
    from hailuo_nb.session.chains import chain
    from hailuo_nb.session.session import Session

    os.chdir(spec["folder"])
    os.environ.update(spec["env"])
    _log_everything(Path(spec["log"]))
    if spec.get("arm"):
        import kill_points

        kill_points.arm(*spec["arm"])
    if spec.get("file_limit"):
        _limit_files(*spec["file_limit"])
    session = Session(Path(spec["folder"]))
    report: dict[str, Any] = {"errors": [], "traceback": ""}
    batches: list[Any] = []
    try:
        if spec.get("resume", True):
            session.resume()
        for cell in spec["cells"]:
            try:
                make = partial(chain, session) if "steps" in cell else session.generate
                batches.append(make(**({"yes": True} | cell)))
            except Exception as error:
                report["errors"].append(f"{type(error).__name__}: {error}")
                report["traceback"] += traceback.format_exc()
        if spec.get("shows_all"):
            session.jobs()
        report |= settled_report(session, batches, spec["wait_s"], spec.get("grace_s", GRACE_S))
    except Exception:
        report["traceback"] += traceback.format_exc()
    write_report(Path(spec["report"]), report)
    if not spec.get("dies"):
        session.close()


def settled_report(session: Any, batches: list[Any], wait_s: float, grace_s: float) -> dict[str, Any]:
    """Wait until nothing goes further by itself, then say of every job where it stands and what its card tells."""
    from hailuo_nb.notebook.compose import Known, card_of
    from hailuo_nb.notebook.twin import twin_html, twin_text

    began = time.monotonic()
    for runner in session._runners.values():
        runner.desk.grace_s = grace_s
    jobs: list[Any] = []
    while True:
        jobs = [job for runner in session._runners.values() for job in runner.known()]
        if all(job.done() for job in jobs) or time.monotonic() - began > wait_s:
            break
        time.sleep(0.02)
    settled = _settle(session)
    everything = session.batch_of(jobs)
    variants = {job.variant: session.variant_of(job) for job in jobs}
    told = []
    for number, job in enumerate(jobs):
        error = job.settled.exception() if job.done() else None
        card = card_of(session.batch_of([job]), Known({k: v for k, v in variants.items() if v}, 1.0))
        clip = card.clips[0]
        words = [clip.word, clip.error, clip.hint, clip.note, clip.cost_note]
        told.append(
            {
                "id": job.id,
                "number": number,
                "status": job.status,
                "is_done": job.done(),
                "note": job.note,
                "error": f"{type(error).__name__}: {error}" if error else "",
                "card": " | ".join(str(word) for word in words if word) + "\n" + twin_text(card),
                "html": twin_html(card, {}),
                "repr": repr(job),
            }
        )
    batches_told = [repr(batch) for batch in batches]
    return {"jobs": told, "repr": repr(everything), "batches": batches_told, "settled": settled}


def _settle(session: Any) -> str:
    """Read the bills into the ledger, as ``%hailuo settle`` does; a service in trouble says so."""
    from hailuo_nb.errors import HailuoError
    from hailuo_nb.session import aftercare

    if not session.has_ledger():
        return ""
    time.sleep(0.05)
    try:
        for service in list(session._runners):
            aftercare.settle(session, service)
    except HailuoError as error:
        return str(error)
    return "yes"


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(report), "utf-8")
    part.replace(path)


def _log_everything(path: Path) -> None:
    """Write every logger's every word to a file, httpx's and httpcore's included."""
    logging.basicConfig(filename=path, level=logging.DEBUG, force=True)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def main() -> None:
    """Fork a child for every line of standard input, and tell its process id."""
    import av  # noqa: F401 - imported once for all children
    import httpx  # noqa: F401
    import IPython.core.interactiveshell  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401

    import hailuo_nb.notebook.compose
    import hailuo_nb.notebook.twin
    import hailuo_nb.session.session  # noqa: F401

    be_impatient()
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the harness waits for this
    for line in sys.stdin:
        spec = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(spec)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 - the harness waits for this
        while _reap():
            pass


def _live(spec: dict[str, Any]) -> None:
    """Be the child, to its end."""
    nothing, out = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(spec["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    )
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.closerange(3, 64)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the parent's is not ours
    code = 1
    try:
        (run_code if "code" in spec else run)(spec)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


if __name__ == "__main__":
    hurry()
    main()
