"""Four small real clips with posters, drawn here."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, FRAMES, RATE = 640, 360, 24, 12
SKIES = (
    ((24, 38, 74), (236, 140, 92)),
    ((18, 70, 92), (150, 206, 190)),
    ((60, 28, 66), (222, 120, 150)),
    ((30, 60, 40), (214, 206, 120)),
)


def frame(place: int, number: int) -> NDArray[np.uint8]:
    """Draw a sun that moves over a sea."""
    top, bottom = (np.array(colour, float) for colour in SKIES[place])
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    picture = np.repeat(top * (1 - rows) + bottom * rows, WIDTH, axis=1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture[np.hypot(x - 120 - number * 12 - place * 60, y - 170) < 56] = (250, 236, 200)
    sea = y > 236 + 6 * np.sin(x / 38 + number / 3)
    picture[sea] = top * 0.55
    return picture.clip(0, 255).astype(np.uint8)


def write_clips(folder: Path) -> None:
    """Write ``fox #N é-t1.mp4`` (a name that must be quoted) and ``posterN.jpg`` for N from 0 to 3."""
    folder.mkdir(parents=True)
    for place in range(len(SKIES)):
        with av.open(str(folder / f"fox #{place} é-t1.mp4"), "w", options={"movflags": "faststart"}) as out:
            stream = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "12"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for number in range(FRAMES):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame(place, number), format="rgb24")))
            out.mux(stream.encode(None))
        (folder / f"poster{place}.jpg").write_bytes(poster(place))


def poster(place: int) -> bytes:
    """Give the first frame as a JPEG."""
    image = Image.fromarray(frame(place, 0))
    image.thumbnail((480, 270))
    out = BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()
