"""Whether the PyAV of this machine takes clips as they are: a few frames written and read as H.264.

In comes nothing; out go two answers. It takes some 20 ms and writes no file. Next: `hailuo_nb.session.checkup`.
"""

from __future__ import annotations

import io

__all__ = ["h264_works"]

_WIDE, _HIGH, _FRAMES = 64, 48, 3


def h264_works() -> tuple[bool, bool]:
    """Tell whether H.264 can be written, and whether it can be read.

    Returns
    -------
    tuple of bool
        For writing: the simulator, joining. For reading: posters, measures, every finished clip. Where nothing can be
        written, reading is told from the list of decoders.
    """
    import av

    file = io.BytesIO()
    try:
        with av.open(file, "w", format="mp4") as made:
            stream = made.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = _WIDE, _HIGH, "yuv420p"
            for number in range(_FRAMES):
                frame = av.VideoFrame(_WIDE, _HIGH, "yuv420p")
                frame.pts = number
                made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
    except (av.error.FFmpegError, ValueError, OSError):
        return False, "h264" in av.codecs_available
    file.seek(0)
    try:
        with av.open(file, "r") as container:
            return True, len(list(container.decode(video=0))) == _FRAMES
    except (av.error.FFmpegError, ValueError, OSError):
        return True, False
