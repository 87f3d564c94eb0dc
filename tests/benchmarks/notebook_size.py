"""What 100 clips add to a saved notebook, beside ``IPython.display.Video(path, embed=True)``.

Both notebooks are executed by nbclient in a real kernel: ours is one cell that makes the clips, the other one shows the
same files. A clip of Hailuo has about 3 MB, a drawn one a tenth of that: so the files are a drawn clip with grain laid
over its frames, which takes as many bytes. Padding it would not do: what is empty in a file is left out as its recipe
is written into it.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.benchmarks.frame.row import Row
from tests.benchmarks.made.running import ROOT, Service, at_service, stand_in
from tests.benchmarks.made.stand_in import Ways
from tests.compared_clips import draw

PEERS = ("ipython", "nbclient")

CLIPS = 100
WAYS = Ways(median_s=1.0, clip_bytes=0)
BIT_RATE = 17_500_000  # x264 takes somewhat more for so short a clip: 3 MB
PEER = """
from pathlib import Path
from IPython.display import Video, display
for path in sorted(Path("hailuo/clips").glob("*.mp4")):
    display(Video(str(path), embed=True))
"""


def rows() -> list[Row]:
    """Execute both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "notebook"
        folder.mkdir()
        scene = Path(name) / "scene.mp4"
        with_grain(draw(Path(name) / "drawn.mp4", "A red fox crosses a river", width=1366, height=768), scene)
        clip_mb = scene.stat().st_size / 1e6
        with stand_in(Path(name), replace(WAYS, scene=str(scene))) as service:
            ours = saved_mb(folder / "ours.ipynb", [*cells(CLIPS)], service)
            theirs = saved_mb(folder / "video.ipynb", [PEER], service)
        bare = saved_mb(folder / "bare.ipynb", ["pass"], service)
    return [
        Row(
            f"a saved notebook of {CLIPS} clips",
            ours,
            "MB",
            peer=theirs,
            beside="Video(embed=True)",
            ratio_at_most=1 / 200,
            note=f"clips of {clip_mb:.1f} MB; {(ours - bare) * 1000 / CLIPS:.1f} kB a clip",
        )
    ]


def cells(count: int) -> tuple[str, str]:
    """Give the cells that make so many clips."""
    numbers = "|".join(map(str, range(count)))
    return (
        "%load_ext hailuo_nb",
        f"%%hailuo t2v-standard -y\nFox {{number: {numbers}}} crosses a river at dawn",
    )


def with_grain(drawn: Path, into: Path) -> None:
    """Lay grain over the frames of a clip, as a camera's or a model's have."""
    import av
    import numpy as np

    dice = np.random.default_rng(1)
    with av.open(str(drawn)) as source, av.open(str(into), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1366, 768, "yuv420p"
        stream.bit_rate = BIT_RATE
        for frame in source.decode(video=0):
            picture = frame.to_ndarray(format="rgb24").astype(np.int16)
            picture += dice.integers(-14, 15, (*picture.shape[:2], 1), np.int16)
            grainy = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="rgb24")
            out.mux(stream.encode(grainy))
        out.mux(stream.encode(None))


def saved_mb(file: Path, texts: list[str], service: Service) -> float:
    """Execute cells as a notebook, save it, and give its size in MB."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in texts])
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("HAILUO_", "WAVESPEED_"))}
    kept |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH", "")]))}
    kept |= at_service(service, tier="gold", confirm_above_usd=10_000, max_clips=CLIPS)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(file.parent)}}
    )
    client.execute(env=kept)
    nbformat.write(notebook, file)
    return file.stat().st_size / 1e6
