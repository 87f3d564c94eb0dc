"""Every kind of picture, on its whole way: what the simulator has in the end is what was meant."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from simulator_process import SimulatorProcess, start_simulator

from hailuo_nb import errors
from hailuo_nb.media.clip import frame_png
from hailuo_nb.session.session import Session

SIZE = (640, 360)
Source = Callable[["Room"], Any]


def scene(shade: int = 0) -> Image.Image:
    """Draw a picture whose corners differ."""
    picture = Image.new("RGB", SIZE, (200, 120, 40 + shade))
    picture.paste((20, 60, 180), (0, 0, SIZE[0] // 2, SIZE[1] // 2))
    picture.paste((240, 240, 20), (400, 200, 600, 330))
    return picture


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Write a picture as a file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


class Room:
    """A notebook's folder, its session on a simulator, and a web server beside it."""

    def __init__(self, folder: Path, simulator: SimulatorProcess) -> None:
        self.folder = folder
        self.session = Session(folder, configured=lambda: {"tier": "ultra", "confirm_above_usd": "1000"})
        self.base_url = simulator.base_url
        self.web_url = ""

    def file(self, name: str, data: bytes) -> Path:
        """Write a file beside the notebook."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def clip(self, name: str = "clip.mp4") -> Path:
        """Write a clip of a second whose every frame differs."""
        import av

        path = self.folder / name
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "qp": "10"})
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
            for number in range(24):
                container.mux(stream.encode(av.VideoFrame.from_image(scene(8 * number))))
            container.mux(stream.encode(None))
        return path

    def arrived(self, prompt: str) -> Any:
        """Give the picture that the simulator has for a prompt."""
        body = json.dumps({"page": 1, "page_size": 100, "include_inputs": True}).encode()
        headers = {"Authorization": "Bearer looks-on", "Content-Type": "application/json"}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"{self.base_url}/api/v3/predictions", body, headers)
        with opener.open(request, timeout=30) as answer:
            items = json.loads(answer.read())["data"]["items"]
        image = next(item["inputs"]["image"] for item in items if item["inputs"]["prompt"] == prompt)
        with opener.open(image, timeout=30) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Give a simulator that never gets to drawing: what arrives is what counts here."""
    with start_simulator(tmp_path_factory.mktemp("simulator"), speed=0.01, tier="ultra") as started:
        yield started


@pytest.fixture
def room(tmp_path: Path, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Give a room whose session sends to that simulator as it would to WaveSpeed."""
    monkeypatch.setenv("WAVESPEED_API_KEY", "key-for-loopback-only")
    monkeypatch.setenv("WAVESPEED_BASE_URL", simulator.base_url)
    made = Room(tmp_path, simulator)
    yield made
    made.session.close()


@pytest.fixture
def web(room: Room) -> Iterator[None]:
    """Serve the notebook's folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(room.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        room.web_url = f"http://127.0.0.1:{server.server_port}"
        yield
        server.shutdown()
        thread.join()


def figure(room: Room) -> Any:
    """Draw the scene in a figure."""
    plotting = pytest.importorskip("matplotlib.figure")
    made = plotting.Figure(figsize=(6.4, 3.6), dpi=100)
    made.figimage(np.asarray(scene()))
    return made


def clip_frame(room: Room, at: float | None) -> Any:
    """Decode a frame of the clip."""
    return np.asarray(Image.open(io.BytesIO(frame_png(room.folder / "clip.mp4", at))).convert("RGB")).astype(
        int
    )


RIGHT = np.asarray(scene()).astype(int)
SOURCES: dict[str, tuple[Source, float]] = {
    "path text": (lambda room: room.file("a.png", saved(scene())).name, 0),
    "pathlib path": (lambda room: room.file("a.jpg", saved(scene(), "JPEG", quality=95)), 25),
    "a name with blanks and letters of its own": (
        lambda room: room.file("ä b@2.png", saved(scene())).name,
        0,
    ),
    "bytes": (lambda _: saved(scene()), 0),
    "bytearray": (lambda _: bytearray(saved(scene())), 0),
    "Pillow image": (lambda _: scene(), 0),
    "numpy colours": (lambda _: np.asarray(scene()), 0),
    "numpy floats": (lambda _: np.asarray(scene()) / 255, 0),
    "numpy RGBA": (lambda _: np.asarray(scene().convert("RGBA")), 0),
    "matplotlib figure": (figure, 0),
    "WebP": (lambda room: room.file("a.webp", saved(scene(), "WEBP", lossless=True)), 25),
    "GIF": (lambda room: room.file("a.gif", saved(scene(), "GIF")), 0),
    "BMP": (lambda room: room.file("a.bmp", saved(scene(), "BMP")), 0),
    "TIFF": (lambda room: room.file("a.tiff", saved(scene(), "TIFF")), 0),
    "data address": (
        lambda _: f"data:image/png;base64,{base64.b64encode(saved(scene())).decode()}",
        0,
    ),
    "a frame that was read before": (
        lambda _: __import__("hailuo_nb.media.image").media.image.from_bytes(saved(scene())),
        0,
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_of_any_kind_arrives_as_it_looks(room: Room, name: str) -> None:
    """The simulator's own copy, pixel by pixel; JPEG may be a little off."""
    make, most_off = SOURCES[name]
    room.session.generate(f"from {name}", "i2v-standard", image=make(room))
    job = room.session.jobs(limit=1)[0]
    wait_until_sent(job)
    off = abs(room.arrived(f"from {name}") - RIGHT)
    assert np.percentile(off, 99) <= most_off


@pytest.mark.usefixtures("web")
def test_a_picture_on_the_web_is_fetched_by_the_service_itself(room: Room) -> None:
    """Its address goes as it is; nothing is uploaded."""
    room.file("a.png", saved(scene()))
    room.session.generate("from the web", "i2v-standard", image=f"{room.web_url}/a.png")
    wait_until_sent(room.session.jobs(limit=1)[0])
    assert (room.arrived("from the web") == RIGHT).all()


@pytest.mark.parametrize(("suffix", "at"), [("", None), ("@0", 0.0), ("@0.5", 0.5), ("@0.96", 0.96)])
def test_a_frame_of_a_clip_is_that_very_frame(room: Room, suffix: str, at: float | None) -> None:
    """The last one, or the one on screen at a time; the frames beside it are others."""
    room.clip()
    room.session.generate(f"from a clip {suffix or at}", "i2v-standard", image=f"clip.mp4{suffix}")
    wait_until_sent(room.session.jobs(limit=1)[0])
    found = room.arrived(f"from a clip {suffix or at}")
    assert (found == clip_frame(room, at)).all()
    number = 23 if at is None else int(at * 24 + 0.001)
    assert abs(found[350, 10, 2] - (40 + 8 * number)) <= 3


def test_the_same_picture_is_uploaded_once_whatever_it_comes_as(room: Room) -> None:
    """A file, its bytes and another name are one upload; so are takes and variants."""
    data = saved(scene(3))
    room.file("one.png", data)
    room.file("two.png", data)
    for image in ("one.png", Path("two.png"), data):
        room.session.generate("once", ["i2v-standard", "fast"], image=image, takes=2)
    jobs = room.session.jobs(limit=50)
    for job in jobs:
        wait_until_sent(job)
    assert len(jobs) == 4
    memory = {str(room.session.ledger.recall(f"sent:{job.id}")["image"]) for job in jobs}
    assert len(memory) == 1


BAD: dict[str, tuple[Source, str]] = {
    "a file that is not there": (lambda _: "no.png", "There is no picture no.png"),
    "a folder": (lambda room: room.folder, "cannot be read"),
    "an empty file": (
        lambda room: room.file("a.png", b""),
        "a.png: This picture cannot be sent: it is empty",
    ),
    "text named as a picture": (lambda room: room.file("a.png", b"a fox"), "it is text, not a picture"),
    "a picture cut off": (lambda room: room.file("a.png", saved(scene())[:-30]), "broken or cut off"),
    "one pixel": (lambda _: Image.new("RGB", (1, 1)), "its short side is 1 px"),
    "a banner": (lambda _: np.zeros((310, 900, 3), np.uint8), "--fit pad or crop helps"),
    "a file of 21 MB": (lambda _: bytes(21 * 1024 * 1024), "at most 20 MB can be sent"),
    "something that moves": (
        lambda _: saved(scene(), "GIF", save_all=True, append_images=[scene(99)]),
        "it holds 2 pictures",
    ),
    "an address of no web": (
        lambda _: "ftp://example.com/a.png",
        "it starts with https:// and names a host",
    ),
    "a file address": (lambda _: "file:///etc/passwd", "it starts with https://"),
    "a video on the web": (
        lambda _: "https://example.com/a.mp4?x=1",
        "is a video on the web; download it",
    ),
    "a broken data address": (
        lambda _: "data:image/png;base64,@@@",
        "base64 text of this data: address is broken",
    ),
    "a data address of text": (lambda _: "data:image/png;base64,YSBmb3g=", "it is text, not a picture"),
    "a page named as a clip": (
        lambda room: room.file("a.mp4", b"<html>"),
        "a.mp4 is a web page, not a video",
    ),
    "a time behind the end": (
        lambda room: f"{room.clip().name}@9",
        "no frame at 9.0 s: clip.mp4 lasts 1.00 s",
    ),
    "a time before the beginning": (lambda room: f"{room.clip().name}@-1", "There is no frame at -1.0 s"),
    "a time that is none": (lambda room: f"{room.clip().name}@noon", "behind the @ stands a time in seconds"),
    "numbers without a range": (lambda _: np.zeros((400, 400), np.int32), "says nothing of its range"),
    "an object of another kind": (lambda _: {"a": 1}, "not a dict; save it as a PNG first"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_refused_with_its_reason_and_nothing_is_spent(room: Room, name: str) -> None:
    """One line, no home path, and no row."""
    make, reason = BAD[name]
    with pytest.raises(errors.HailuoError) as caught:
        room.session.generate("a fox", "i2v-standard", image=make(room))
    said = str(caught.value)
    assert reason in said
    assert "\n" not in said
    assert str(room.folder.parent) not in said
    assert not room.session.has_ledger()


def test_several_clips_are_no_picture(room: Room) -> None:
    """One has to be chosen."""
    batch = room.session.generate("a {x: red|blue} fox", "t2v-standard", name="foxes")
    with pytest.raises(errors.InvalidRequest, match=r"foxes has 2 clips; choose one, as batch\[0\]"):
        room.session.generate("it runs", "i2v-standard", image=batch)


def test_fit_is_for_pictures_that_are_here(room: Room) -> None:
    """An address goes as it is; a lone drawing of a banner's shape is padded, and said to be another picture."""
    with pytest.raises(errors.InvalidRequest, match="--fit changes a picture"):
        room.session.generate("x", "i2v-standard", image="https://example.com/a.png", fit="pad")
    banner = np.full((310, 900, 3), 90, np.uint8)
    room.session.generate("fitted", "i2v-standard", image=banner, fit="pad")
    wait_until_sent(room.session.jobs(limit=1)[0])
    assert room.arrived("fitted").shape == (506, 900, 3)


def wait_until_sent(job: Any) -> None:
    """Wait until the service has it."""
    sent = threading.Event()
    stop = job.observe(lambda changed: sent.set() if changed.prediction_id else None)
    assert sent.wait(30), (job.status, job.note, job.row.error)
    stop()
