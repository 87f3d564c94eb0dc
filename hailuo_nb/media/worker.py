"""The process that finishes clips, so that the kernel stays free.

In comes an operation and a path, as a line of JSON; out goes a line with facts, poster and digest, or with
the error. Next: jobs, which call `MediaWorker.call` from an executor thread and write what comes back into
the ledger.

It is a plain ``python -m hailuo_nb.media.worker`` and not `multiprocessing`: that would run a user's
unguarded script a second time in the child, and the script might pay a second time.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from hailuo_nb.errors import ClipInvalid, DownloadFailed, HailuoError, InvalidRequest
from hailuo_nb.media import clip, contact, image, joining, likeness, measures, recipe

__all__ = ["MediaWorker", "answer", "main"]

_RAISED: dict[str, type[HailuoError]] = {
    kind.__name__: kind for kind in (ClipInvalid, InvalidRequest, DownloadFailed)
}
# A clip takes well under a second; what takes this long is a file made to hang a decoder, or a dead disk.
_LONGEST_CALL_S = 120.0
_LONGEST_FAREWELL_S = 30.0


class MediaWorker:
    """A process that reads and finishes clips; it starts with the first call.

    Calls are one after the other and may come from any thread. A kernel interrupt does not reach the
    process; it ends when it is closed, or when the process that started it is gone, however that ended.

    Parameters
    ----------
    longest_call_s : float
        Seconds after which a call is given up and the process replaced.

    Examples
    --------
    >>> with MediaWorker() as worker:  # doctest: +SKIP
    ...     worker.call("probe", path="fox.mp4")["facts"]["duration_s"]
    6.0
    """

    def __init__(self, *, longest_call_s: float = _LONGEST_CALL_S) -> None:
        self._longest_call_s = longest_call_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._calls = 0

    def __enter__(self) -> MediaWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id while it lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Do one operation, as ``finish`` or ``probe``; see `answer`.

        Raises
        ------
        ClipInvalid
            The file is not a playable video.
        InvalidRequest
            There is no such frame.
        DownloadFailed
            The disk refused, or the process ended twice over this file.
        """
        with self._lock:
            self._calls += 1
            line = json.dumps({**arguments, "operation": operation, "call": self._calls}, default=os.fspath)
            reply = self._exchange(line) or self._exchange(line)
        if reply is None:
            name = clip.named(Path(str(arguments.get("path", ""))))
            raise DownloadFailed(
                f"Reading {name} ended its helper process twice; try another file, or again."
            )
        if "error" in reply:
            kind, message = reply["error"]
            raise _RAISED.get(kind, DownloadFailed)(message)
        return dict(reply["result"])

    def close(self) -> None:
        """End the process; a later call starts a new one."""
        with self._lock:
            self._end()

    def _exchange(self, line: str) -> dict[str, Any] | None:
        """Send one line and read its answer; None if the process died over it or took too long."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._longest_call_s, process.kill)
        watch.daemon = True
        watch.start()
        try:
            process.stdin.write(line.encode("ascii") + b"\n")
            process.stdin.flush()
            reply = self._reply(process.stdout)
        except OSError:
            reply = None
        except BaseException:
            # An interrupt between question and answer: the next call must not read this answer.
            self._end()
            raise
        finally:
            watch.cancel()
        if reply is None:
            self._end()
        return reply

    def _reply(self, stream: IO[bytes]) -> dict[str, Any] | None:
        """Read the answer to the present call."""
        try:
            reply = json.loads(stream.readline())
        except (ValueError, RecursionError):
            return None
        is_ours = isinstance(reply, dict) and reply.get("call") == self._calls
        return reply if is_ours else None

    def _started(self) -> subprocess.Popen[bytes]:
        """Give the process, started anew where there is none, or where a fork took over somebody else's."""
        if self._owner != os.getpid():
            self._owner, self._process = os.getpid(), None
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        # -P: a json.py beside the notebook must not be taken for the library.
        command = [sys.executable, "-P", "-m", "hailuo_nb.media.worker"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_child_environment(),
            start_new_session=True,
        )
        return self._process

    def _end(self) -> None:
        """Let the process go: its input ends, and if it does not, it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # unsent bytes to a dead process
                pass
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Do one operation, in this process.

    ========== ======================= ==================================================================
    operation  arguments               result
    ========== ======================= ==================================================================
    probe      path                    ``facts`` (see `ClipFacts`)
    poster     path, width             ``poster``: JPEG as base64
    frame      path, at (or null)      ``frame``: PNG as base64
    start      path, at, fit (or null) ``picture``: that frame as it is sent, as base64; ``content_type``
    join       path, parts             ``is_copied``, ``note``, ``facts``, ``poster``: a film at the path
    measure    path, image (or null)   ``measures``, and the ``version`` of their definitions; image as base64
    same       path, others            ``same``: the number of the first with the same packets, or null
    alike      path, others            ``alike``: pairs of number and likeness, the most alike first
    strip      path, count, size       ``strip``: so many frames side by side, PNG as base64
    sheet      path (any), page        ``sheet``: strips and words on one picture, PNG as base64
    finish     path, recipe            ``facts``, ``sha256``, ``poster``, ``has_recipe``: all of a new clip
    ========== ======================= ==================================================================
    """
    operation = _OPERATIONS.get(str(question.get("operation")))
    path = question.get("path")
    if operation is None or not isinstance(path, str) or not path or "\0" in path:
        raise InvalidRequest(f"Nothing to do: an operation is one of {', '.join(_OPERATIONS)}, with a path.")
    return operation(Path(path), question)


def main() -> None:
    """Answer lines of JSON until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    questions: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    for line in iter(questions.get, None):
        text = json.dumps(_reply_to(line)).encode("ascii") + b"\n"
        try:
            answers.write(text)
        except OSError:  # nobody listens any more
            return


def _listen(questions: queue.SimpleQueue[bytes | None]) -> None:
    """Pass on the input; when it ends, nobody is left to answer, and no call may go on for long."""
    for line in sys.stdin.buffer:
        questions.put(line)
    questions.put(None)
    farewell = threading.Timer(_LONGEST_FAREWELL_S, os._exit, args=(1,))
    farewell.daemon = True
    farewell.start()


def _reply_to(line: bytes) -> dict[str, Any]:
    """Answer one line, whatever is in it."""
    call: object = None
    try:
        question = json.loads(line)
        if not isinstance(question, dict):
            question = {}
        call = question.get("call")
        return {"call": call, "result": answer(question)}
    except HailuoError as error:
        return {"call": call, "error": [type(error).__name__, str(error)]}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return {"call": call, "error": ["DownloadFailed", f"The clip cannot be finished: {reason}."]}
    except Exception as error:  # noqa: BLE001 (the next clip must not suffer for this one)
        reason = type(error).__name__
        return {"call": call, "error": ["DownloadFailed", f"The clip cannot be finished: {reason}."]}


def _finish(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Measure a new clip, put its recipe inside, and give what the ledger and the card need."""
    facts = clip.probe(path)
    wanted = question.get("recipe")
    has_recipe = recipe.write(path, wanted) if isinstance(wanted, dict) else False
    facts = replace(facts, bytes=path.stat().st_size)
    return {
        "facts": asdict(facts),
        "sha256": clip.sha256_of(path),
        "poster": _text(clip.poster(path)),
        "has_recipe": has_recipe,
    }


def _probe(path: Path, _: Mapping[str, Any]) -> dict[str, Any]:
    """Measure a clip."""
    return {"facts": asdict(clip.probe(path))}


def _poster(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the poster."""
    return {"poster": _text(clip.poster(path, int(question.get("width", 480))))}


def _frame(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Give one frame."""
    at = question.get("at")
    return {"frame": _text(clip.frame_png(path, None if at is None else float(at)))}


def _start(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Give one frame as another clip starts from it."""
    at = question.get("at")
    sent = image.frame(path, None if at is None else float(at), question.get("fit"))
    return {"picture": _text(sent.data), "content_type": sent.content_type}


def _join(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Write one film of several clips."""
    made = joining.join([Path(part) for part in question["parts"]], path)
    return {"is_copied": made.is_copied, "note": made.note, "facts": asdict(clip.probe(path))} | _poster(
        path, {}
    )


def _measure(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Measure motion, sharpness and the like."""
    picture = question.get("image")
    found = measures.measure(path, base64.b64decode(picture) if isinstance(picture, str) else None)
    return {"measures": found, "version": measures.VERSION}


def _same(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Find the clip with the same encoded pictures."""
    for number, other in enumerate(question["others"]):
        try:
            if likeness.is_same_stream(path, Path(other)):
                return {"same": number}
        except ClipInvalid:
            clip.probe(path)  # where it is this one that is no video, that is to be said
    return {"same": None}


def _alike(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Say which clips show much the same."""
    return {"alike": likeness.alike(path, [Path(other) for other in question["others"]])}


def _strip(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Put frames side by side."""
    width, height = question["size"]
    return {"strip": _text(contact.strip(path, int(question["count"]), (int(width), int(height))))}


def _sheet(_: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a contact sheet."""
    return {"sheet": _text(contact.draw(question["page"]))}


def _text(data: bytes) -> str:
    """Give bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def _child_environment() -> dict[str, str]:
    """Give the child what it needs to find this package, and no key: it has no use for one."""
    environment = {name: value for name, value in os.environ.items() if "KEY" not in name.upper()}
    home = str(Path(__file__).resolve().parents[2])
    # Where the package is installed, the child finds it anyway, and its neighbours must not hide the library.
    if Path(home).name not in ("site-packages", "dist-packages"):
        paths = [home, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


_OPERATIONS: dict[str, Callable[[Path, Mapping[str, Any]], dict[str, Any]]] = {
    "finish": _finish,
    "probe": _probe,
    "poster": _poster,
    "frame": _frame,
    "start": _start,
    "join": _join,
    "measure": _measure,
    "same": _same,
    "alike": _alike,
    "strip": _strip,
    "sheet": _sheet,
}

if __name__ == "__main__":
    main()
