"""The simulator with a film crew that costs nothing: everything is real but the drawing.

In come the simulator's own command line, out goes the simulator's process, with clips of 64x48 and one second in which
every request and take is a pattern of its own, so that a file can be told from any other by decoding it. Drawing takes
the real simulator a second of a core; crash runs make thousands of clips.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, FRAMES, FPS = 64, 48, 12, 12
CELLS = (8, 6)
# A prompt with this word gets a file of several pieces, so that a download can break in its middle.
LARGE, LARGE_BYTES = "[large]", 3_000_000
# A prompt with this word gets a clip of so many times the size, whose frames the service takes as pictures.
WIDE, WIDE_TIMES = "[wide]", 8


def pattern_of(variant: str, prompt: str, take: int) -> str:
    """Give the pattern of a clip as 48 characters of 0 and 1."""
    digest = hashlib.sha256(f"{variant}\n{prompt}\n{take}".encode()).digest()
    return "".join(f"{byte:08b}" for byte in digest[:6])


def draw(path: Path, pattern: str, padding: int = 0, times: int = 1) -> None:
    """Write a clip that shows a pattern; with padding, players skip some bytes at its end."""
    import av
    import numpy as np

    bits = np.array([int(bit) for bit in pattern], dtype=np.uint8).reshape(CELLS[1], CELLS[0])
    luma = np.kron(bits * 200 + 25, np.ones((8 * times, 8 * times), dtype=np.uint8)).astype(np.uint8)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "threads": "1", "crf": "24"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH * times, HEIGHT * times, "yuv420p"
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.stack([luma] * 3, axis=-1), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if padding:
        with part.open("ab") as file:
            file.write((padding + 8).to_bytes(4, "big") + b"free" + os.urandom(padding))
    part.replace(path)


def _draw_once(path: Path, pattern: str, padding: int, times: int) -> None:
    """Draw a clip that is not there yet."""
    if not path.exists():
        draw(path, pattern, padding, times)


def pattern_in(path: Path) -> tuple[str, int]:
    """Decode a whole clip; give its pattern and how many frames it has."""
    import av

    frames = 0
    bits = ""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frames += 1
            if not bits:
                grey = frame.to_ndarray(format="gray")
                cell = grey.shape[1] // CELLS[0]
                middles = ((cell * y + cell // 2, cell * x + cell // 2) for y in range(6) for x in range(8))
                bits = "".join("1" if grey[middle] > 128 else "0" for middle in middles)
    return bits, frames


def main() -> None:
    """Replace the film crew, then run the simulator."""
    import asyncio

    from hailuo_nb.simulator import studio
    from hailuo_nb.simulator.__main__ import main as simulate

    async def clip(self: Any, order: Any, picture: Path | None, *, due: float) -> Path:
        pattern = pattern_of(order.variant, order.prompt, order.take)
        path: Path = self._clips / f"{hashlib.sha256(pattern.encode()).hexdigest()[:40]}.mp4"
        padding, times = (
            LARGE_BYTES if LARGE in order.prompt else 0,
            WIDE_TIMES if WIDE in order.prompt else 1,
        )
        await asyncio.to_thread(_draw_once, path, pattern, padding, times)
        return path

    studio.Studio.clip = clip  # type: ignore[method-assign]
    simulate()


if __name__ == "__main__":
    main()
