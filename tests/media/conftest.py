"""Small real clips and pictures, made by PyAV and Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ClipMaker = Callable[..., Path]


def level_of(index: int) -> int:
    """Give the grey of a frame, by which it can be recognised."""
    return 30 + (index * 37) % 190


@pytest.fixture
def make_clip(tmp_path: Path) -> ClipMaker:
    """Give a function that writes a clip whose every frame can be told from its neighbours."""

    def make(
        name: str = "clip.mp4",
        *,
        size: tuple[int, int] = (160, 90),
        frames: int = 30,
        fps: int = 24,
        audio: bool = False,
        video: bool = True,
        faststart: bool = True,
        black: int = 0,
        noise: bool = False,
        comment: str | None = None,
        form: str = "mp4",
        codec: str = "libx264",
    ) -> Path:
        import av

        path = tmp_path / name
        options = {"movflags": "faststart"} if faststart and form == "mp4" else {}
        chance = np.random.default_rng(1)
        with av.open(str(path), "w", format=form, options=options) as container:
            if comment is not None:
                container.metadata["comment"] = comment
            picture = container.add_stream(codec, rate=fps) if video else None
            sound = container.add_stream("aac" if form == "mp4" else "libopus", rate=48000) if audio else None
            if picture is not None:
                picture.width, picture.height = size
                picture.pix_fmt = "yuv420p"
                picture.options = {"preset": "ultrafast", "bf": "2", "g": "12"} if codec == "libx264" else {}
                for index in range(frames):
                    pixels = np.full((size[1], size[0], 3), 0 if index < black else level_of(index), np.uint8)
                    if noise and index >= black:
                        pixels = chance.integers(0, 255, pixels.shape, np.uint8)
                    container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
                container.mux(picture.encode())
            if sound is not None:
                samples = np.zeros((2, 1024), np.float32)
                for index in range(frames * 48000 // fps // 1024):
                    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
                    frame.sample_rate, frame.pts = 48000, index * 1024
                    container.mux(sound.encode(frame))
                container.mux(sound.encode())
        return path

    return make


@pytest.fixture
def make_image() -> Callable[..., bytes]:
    """Give a function that draws a picture as bytes."""

    def make(size: tuple[int, int] = (640, 360), form: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        picture = Image.new("RGB", size, (200, 120, 40))
        picture.paste((20, 60, 180), (0, 0, size[0] // 2, size[1] // 2))
        picture.save(buffer, form, **options)
        return buffer.getvalue()

    return make
