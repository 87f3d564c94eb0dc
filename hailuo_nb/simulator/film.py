"""stub."""

import os
from typing import Any


def make_clip(job: dict[str, Any]) -> None:
    """stub."""
    import av
    import numpy as np

    part = job["path"] + ".part"
    c = av.open(part, "w", format="mp4", options={"movflags": "faststart"})
    st = c.add_stream("libx264", rate=24)
    st.width, st.height, st.pix_fmt = job["width"], job["height"], "yuv420p"
    st.codec_context.thread_count = 1
    st.options = {"preset": "ultrafast", "g": "24"}
    f = np.zeros((st.height * 3 // 2, st.width), "u1")
    for i in range(24 * job["length_s"]):
        fr = av.VideoFrame(st.width, st.height, "yuv420p")
        fr.pts = i
        for p in st.encode(fr):
            c.mux(p)
    for p in st.encode(None):
        c.mux(p)
    c.close()
    os.replace(part, job["path"])
