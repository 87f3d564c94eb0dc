"""The process that finishes clips: it answers, survives what should not hurt it, and never outlives its parent."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.errors import ClipInvalid, DownloadFailed, InvalidRequest
from hailuo_nb.media.clip import frame_png, sha256_of
from hailuo_nb.media.recipe import read
from hailuo_nb.media.worker import MediaWorker, _reply_to

ClipMaker = Callable[..., Path]
WAIT_S = 30

# A parent that says the worker's number, waits to be interrupted, and says it again after another call.
PARENT = """
import signal, sys
from hailuo_nb.media.worker import MediaWorker
worker = MediaWorker()
worker.call("probe", path=sys.argv[1])
try:
    print(worker.pid, flush=True)
    signal.pause()
except KeyboardInterrupt:
    worker.call("probe", path=sys.argv[1])
    print(worker.pid, flush=True)
    worker.close()
"""


@pytest.fixture
def worker() -> Iterator[MediaWorker]:
    """Give a worker and close it."""
    with MediaWorker() as found:
        yield found


@pytest.fixture
def parent(make_clip: ClipMaker) -> Iterator[subprocess.Popen[str]]:
    """Give a process that started a worker, in a group of its own."""
    command = [sys.executable, "-c", PARENT, str(make_clip())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def ends(handle: int) -> bool:
    """Wait for a process by its handle."""
    try:
        return bool(select.select([handle], [], [], WAIT_S)[0])
    finally:
        os.close(handle)


def test_a_clip_is_finished(make_clip: ClipMaker, worker: MediaWorker) -> None:
    """Facts, recipe, digest and poster come in one answer, and are those of the finished file."""
    path = make_clip("füchs 🦊.mp4", audio=True)
    found = worker.call("finish", path=path, recipe={"prompt": "ein Füchs 🦊", "tags": []})
    assert read(path) == {"prompt": "ein Füchs 🦊", "tags": []}
    assert found["has_recipe"] is True
    assert found["sha256"] == sha256_of(path)
    assert found["facts"]["bytes"] == path.stat().st_size
    assert (found["facts"]["frames"], found["facts"]["has_audio"]) == (30, True)
    assert Image.open(io.BytesIO(base64.b64decode(found["poster"]))).format == "JPEG"


def test_the_other_operations(make_clip: ClipMaker, worker: MediaWorker) -> None:
    """Probe, poster and frame answer for themselves, and change nothing."""
    path = make_clip()
    before = path.read_bytes()
    assert worker.call("probe", path=str(path))["facts"]["width"] == 160
    assert base64.b64decode(worker.call("poster", path=str(path), width=80)["poster"])[:2] == b"\xff\xd8"
    assert base64.b64decode(worker.call("frame", path=str(path), at=None)["frame"]) == frame_png(path)
    assert base64.b64decode(worker.call("frame", path=str(path), at=0.5)["frame"]) == frame_png(path, 0.5)
    assert path.read_bytes() == before


def test_errors_keep_their_class_and_do_no_harm(
    make_clip: ClipMaker, worker: MediaWorker, tmp_path: Path
) -> None:
    """A bad file or a bad question is refused as it would be here, by the same process as before."""
    path = make_clip()
    page = tmp_path / "page.mp4"
    page.write_bytes(b"<html>")
    worker.call("probe", path=str(path))
    pid = worker.pid
    with pytest.raises(ClipInvalid, match="is a web page"):
        worker.call("finish", path=str(page), recipe={})
    with pytest.raises(InvalidRequest, match="no frame at 99"):
        worker.call("frame", path=str(path), at=99)
    with pytest.raises(InvalidRequest, match="one of finish, probe, poster, frame"):
        worker.call("explode", path=str(path))
    with pytest.raises(InvalidRequest):
        worker.call("probe", path="a\0b")
    with pytest.raises(DownloadFailed, match="cannot be finished"):
        worker.call("poster", path=str(path), width="wide")
    assert worker.call("probe", path=str(path))["facts"]["frames"] == 30
    assert worker.pid == pid


def test_it_starts_with_the_first_call_and_ends_when_closed(make_clip: ClipMaker) -> None:
    """Nothing runs before it is needed or after it is closed, and a closed one starts again."""
    worker = MediaWorker()
    assert worker.pid is None
    path = str(make_clip())
    worker.call("probe", path=path)
    first = worker.pid
    assert first is not None
    worker.close()
    assert worker.pid is None
    assert not psutil.pid_exists(first)
    worker.call("probe", path=path)
    assert worker.pid not in (None, first)
    worker.close()


def test_it_is_started_again_after_it_was_killed(make_clip: ClipMaker, worker: MediaWorker) -> None:
    """The caller notices nothing."""
    path = str(make_clip())
    worker.call("probe", path=path)
    first = worker.pid
    assert first is not None
    handle = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert ends(handle)
    assert worker.call("probe", path=path)["facts"]["frames"] == 30
    assert worker.pid != first


def test_a_process_that_dies_in_the_middle_of_a_call_is_replaced(
    make_clip: ClipMaker, worker: MediaWorker
) -> None:
    """The question is asked once more, of a new process."""
    path = str(make_clip())
    worker.call("probe", path=path)
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)  # it cannot answer
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(worker.call, "probe", path=path)
        os.kill(first, signal.SIGKILL)
        assert answer.result(WAIT_S)["facts"]["frames"] == 30
    assert worker.pid != first


def test_a_file_that_ends_the_process_twice_is_given_up(
    make_clip: ClipMaker, worker: MediaWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one more try and then an error, not a loop."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DownloadFailed, match="twice"):
        worker.call("probe", path=str(make_clip()))


def test_a_call_that_takes_too_long_is_given_up(make_clip: ClipMaker) -> None:
    """A file made to hang a decoder holds up nobody for ever."""
    with MediaWorker(longest_call_s=0.001) as worker, pytest.raises(DownloadFailed):
        worker.call("probe", path=str(make_clip()))


def test_calls_from_many_threads_get_their_own_answers(make_clip: ClipMaker, worker: MediaWorker) -> None:
    """One process serves all, and no answer goes astray."""
    paths = [make_clip(f"{index}.mp4", frames=index + 1, size=(64, 64)) for index in range(12)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda path: worker.call("finish", path=str(path), recipe={}), paths))
    assert [each["facts"]["frames"] for each in found] == list(range(1, 13))
    assert [each["sha256"] for each in found] == [sha256_of(path) for path in paths]


def test_an_interrupt_of_the_kernel_does_not_reach_it(parent: subprocess.Popen[str]) -> None:
    """SIGINT to the whole group of its parent leaves it working."""
    assert parent.stdout is not None
    before = parent.stdout.readline()
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.stdout.readline() == before
    assert parent.wait(WAIT_S) == 0


def test_an_interrupt_of_its_own_does_not_end_it(make_clip: ClipMaker, worker: MediaWorker) -> None:
    """SIGINT sent to the worker itself is ignored."""
    path = str(make_clip())
    worker.call("probe", path=path)
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    worker.call("probe", path=path)
    assert worker.pid == pid


def test_it_dies_with_a_killed_parent(parent: subprocess.Popen[str]) -> None:
    """When the kernel is killed, nothing stays behind."""
    assert parent.stdout is not None
    handle = os.pidfd_open(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    assert ends(handle)


def test_it_gets_no_key(make_clip: ClipMaker, worker: MediaWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no use for one, so it is not given any."""
    monkeypatch.setenv("WAVESPEED_API_KEY", "not-for-you")
    worker.call("probe", path=str(make_clip()))
    assert worker.pid is not None
    assert "not-for-you" not in psutil.Process(worker.pid).environ().values()


def test_a_file_beside_the_notebook_does_not_hide_the_library(
    make_clip: ClipMaker, worker: MediaWorker, tmp_path: Path
) -> None:
    """A user's own json.py or av.py in the kernel's folder is never loaded."""
    for name in ("json.py", "av.py", "queue.py"):
        (tmp_path / name).write_text("raise SystemExit('wrong file')")
    assert worker.call("probe", path=str(make_clip()))["facts"]["frames"] == 30


LINE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(["finish", "probe", "poster", "frame"]).flatmap(
        lambda name: st.fixed_dictionaries(
            {"operation": st.just(name), "path": st.text() | st.none() | st.integers()},
            optional={
                "at": st.text(),
                "width": st.none(),
                "recipe": st.lists(st.integers()),
                "call": st.integers(),
            },
        ).map(lambda question: json.dumps(question).encode())
    ),
)


@settings(max_examples=50)
@given(LINE)
def test_any_line_gets_an_error_and_nothing_worse(line: bytes) -> None:
    """Bytes, wrong types and impossible paths are answered like any other question."""
    reply = json.loads(json.dumps(_reply_to(line)))
    assert set(reply) == {"call", "error"}
    assert "\n" not in reply["error"][1]


def test_hostile_lines_do_not_end_the_process(make_clip: ClipMaker) -> None:
    """After any garbage the next clip is served, and the process ends with its input."""
    good = json.dumps({"operation": "probe", "path": str(make_clip()), "call": 7}).encode()
    lines = [
        b"",
        b"garbage",
        b"[]",
        b"5",
        b"null",
        b"[" * 100_000,
        b'{"call": 1}',
        b"\xff\xfe",
        b'{"path": {}}',
        good,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "hailuo_nb.media.worker"],
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        timeout=60,
    )
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert ["error" in reply for reply in replies] == [True] * 9 + [False]
    assert replies[-1]["call"] == 7


def test_importing_the_room_loads_no_library() -> None:
    """PyAV, Pillow and numpy wait until a file is opened."""
    code = (
        "import sys, hailuo_nb.media.clip, hailuo_nb.media.image, hailuo_nb.media.recipe, hailuo_nb.media.worker\n"
        "sys.exit(any(name in sys.modules for name in ('av', 'PIL', 'numpy', 'jsonschema_rs')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
