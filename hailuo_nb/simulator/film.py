"""One clip: scenery or a picture, moved by the camera, under its caption, as an H.264 file.

In comes a job of :mod:`~hailuo_nb.simulator.worker`, out goes an MP4 at its path: 12 frames a second, a key
frame each second, yuv420p, the index in front. The same job gives the same bytes: nothing here asks for time
or chance, and x264 runs on one thread.

Measured on a shared two-core machine: 6 s of 1366x768 cost 0.3 to 0.6 s of a core, a zoom 0.2 s more, and
0.1 to 1 MB; ``tests/benchmarks/simulator.py`` tells what of.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hailuo_nb.simulator.camera import FPS, REACH_X, REACH_Y, Camera, Pose
from hailuo_nb.simulator.caption import Caption, make_caption
from hailuo_nb.simulator.figures import Figure, draw_figure
from hailuo_nb.simulator.firstframe import open_fitted
from hailuo_nb.simulator.particles import Particles
from hailuo_nb.simulator.planes import Layer, Planes
from hailuo_nb.simulator.reading import read_moves, read_prompt
from hailuo_nb.simulator.scenery import Scene, paint

__all__ = ["make_clip"]

# What moves by less than this in a frame is laid anew only every second one, so in steps of a pixel or two.
_CREEPS_PX = 1.0
_HOLD = 2
Bytes = npt.NDArray[np.uint8]
Compose = Callable[[Planes, int, Pose], None]


def make_clip(job: dict[str, Any]) -> None:
    """Draw one clip.

    Parameters
    ----------
    job : dict
        The fields of a `ClipOrder`, with ``path`` and ``picture``.

    Raises
    ------
    PictureUnfit
        The picture it is to start from is none.
    """
    width, height = 2 * (job["width"] // 2), 2 * (job["height"] // 2)
    frames = FPS * job["length_s"]
    still = job["picture"] is not None
    camera = Camera(read_moves(job["prompt"]), width, height, frames, still)
    wide, high = _canvas(camera)
    if still:
        compose, particles = _from_picture(job, camera, wide, high), None
    else:
        compose, particles = _from_words(job, camera)
    caption = make_caption(
        job["prompt"], job["variant"], job["take"], job["length_s"], (width, height), over_words=still
    )
    path = Path(job["path"])
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _encode(part, width, height, _frames(camera, (wide, high), compose, particles, caption))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _canvas(camera: Camera) -> tuple[int, int]:
    """How much is composed for a frame: more than the frame where the shot widens beyond its beginning."""
    return 2 * math.ceil(camera.width / camera.widest / 2), 2 * math.ceil(camera.height / camera.widest / 2)


def _from_words(job: dict[str, Any], camera: Camera) -> tuple[Compose, Particles]:
    """Compose frames of painted scenery."""
    look = read_prompt(job["prompt"], seed=job["same"])
    seed = f"{job['same']} {job['take']}"
    scene = paint(
        look, width=camera.width, height=camera.height, frames=camera.frames, rise=camera.rise, seed=seed
    )
    to_left = scene.dice.random() < 0.4 and not camera.tracks
    figure = draw_figure(look, camera.height, to_left=to_left)
    path = _path(scene, camera, figure, to_left=to_left)
    particles = Particles.of(look, camera.width, camera.height, scene.dice)
    far = _far(scene, camera)
    behind = Planes.black(camera.width, camera.height)

    def compose(canvas: Planes, number: int, pose: Pose) -> None:
        if far and number % _HOLD == 0:
            for layer in scene.layers[:far]:
                layer.lay(behind, layer.corner(pose, number))
        if far:
            behind.paste(canvas, (0, 0), None, None)
        for place, layer in enumerate(scene.layers[far:], start=far):
            if place == scene.figure_after:
                figure.at(number).lay(canvas, path(number, pose))
            layer.lay(canvas, layer.corner(pose, number))
        if scene.figure_after >= len(scene.layers):
            figure.at(number).lay(canvas, path(number, pose))

    return compose, particles


def _far(scene: Scene, camera: Camera) -> int:
    """Count the layers, from the sky on, that creep: laid anew only every few frames they are cheap.

    Nobody sees it, and the encoder has little to do with what stands still.
    """
    poses = [camera.pose(number) for number in range(camera.frames)]
    for place, layer in enumerate(scene.layers[: scene.figure_after]):
        if layer.quickest(poses) > _CREEPS_PX:
            return place
    return min(scene.figure_after, len(scene.layers))


def _path(
    scene: Scene, camera: Camera, figure: Figure, *, to_left: bool
) -> Callable[[int, Pose], tuple[float, float]]:
    """Where a figure's corner is in a frame: across the picture, or in its middle where the camera goes along."""
    begin, end = (0.8, 0.24) if to_left else (0.2, 0.76)
    if scene.look.figure in ("boat", "balloon"):
        begin, end = (0.62, 0.4) if to_left else (0.38, 0.6)
    depth = scene.layers[min(scene.figure_after, len(scene.layers)) - 1].depth

    def at(number: int, pose: Pose) -> tuple[float, float]:
        part = number / max(camera.frames - 1, 1)
        across = 0.48 if camera.tracks else begin + (end - begin) * part
        sway = figure.sways * math.sin(2 * math.pi * number / (FPS * 3.4))
        x = across * camera.width - figure.size[0] / 2 - pose.turn_x
        if not camera.tracks:
            x -= pose.carry_x * depth
        y = (
            (scene.ground - figure.flies + sway) * camera.height
            - figure.size[1]
            - pose.turn_y
            - pose.carry_y * depth
        )
        return x, y

    return at


def _from_picture(job: dict[str, Any], camera: Camera, wide: int, high: int) -> Compose:
    """Compose frames of a given picture; the first one shows it whole."""
    margin_x = 2 * math.ceil((camera.width * REACH_X + (wide - camera.width) / 2) / 2)
    margin_y = 2 * math.ceil((camera.height * REACH_Y + (high - camera.height) / 2) / 2)
    picture = open_fitted(Path(job["picture"]), camera.width, camera.height, margin_x, margin_y)
    # By the same halves as `_seen` takes: at rest the frame shows this very picture, not one a pixel beside it.
    left, top = _half(wide - camera.width) - margin_x, _half(high - camera.height) - margin_y
    layer = Layer.of(picture, left=left, top=top, depth=1.0)

    def compose(canvas: Planes, number: int, pose: Pose) -> None:
        layer.lay(canvas, layer.corner(pose, number))

    return compose


def _frames(
    camera: Camera,
    canvas_size: tuple[int, int],
    compose: Compose,
    particles: Particles | None,
    caption: Caption,
) -> Iterator[VideoFrame]:
    """Every frame of the clip: one piece of memory, drawn anew each time, since the encoder keeps no picture."""
    frame = VideoFrame(camera.width, camera.height, "yuv420p")
    seen, bright = Planes.of_frame(frame), _array(frame.planes[0])
    canvas_frame = VideoFrame(*canvas_size, "yuv420p") if camera.zooms else frame
    canvas = Planes.of_frame(canvas_frame) if camera.zooms else seen
    for number in range(camera.frames):
        pose = camera.pose(number)
        compose(canvas, number, pose)
        if camera.zooms:
            for target, source in zip(frame.planes, _seen(camera, canvas_frame, pose), strict=True):
                _array(target)[:] = source
        if particles is not None:
            particles.scatter(bright, number, pose)
        caption.write(seen, (number + 1) / camera.frames)
        frame.pts = number
        yield frame


def _array(plane: Any) -> Bytes:
    """Give a plane of a frame, without the padding at the end of its rows."""
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _seen(camera: Camera, canvas: VideoFrame, pose: Pose) -> list[Bytes]:
    """Tell what the camera sees of the canvas at its zoom: the middle of it, with the frame's size."""
    high, wide = canvas.height, canvas.width
    # A multiple of four leaves as much on each side, in even pixels: the middle stays in the middle.
    to = (wide + 4 * round(wide * (pose.zoom - 1) / 4), high + 4 * round(high * (pose.zoom - 1) / 4))
    # The library's own scaler: four times as quick as Pillow, and edges stay on edges.
    scaled = canvas.reformat(width=to[0], height=to[1], interpolation="BILINEAR")
    left, top = _half(to[0] - camera.width), _half(to[1] - camera.height)
    return [
        _array(plane)[
            top // part : (top + camera.height) // part, left // part : (left + camera.width) // part
        ]
        for plane, part in zip(scaled.planes, (1, 2, 2), strict=True)
    ]


def _half(pixels: int) -> int:
    """Give half of a margin, even, so that brightness and colour stay together."""
    return pixels // 4 * 2


def _encode(path: Path, width: int, height: int, frames: Iterator[VideoFrame]) -> None:
    """Write frames as an MP4."""
    with av.open(
        str(path), "w", format="mp4", options={"movflags": "faststart", "fflags": "bitexact"}
    ) as container:
        stream = container.add_stream("libx264", rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        # A fixed quantiser instead of a rate: x264 then looks at each picture once, a third quicker.
        stream.options = {"preset": "ultrafast", "qp": "28", "g": str(FPS), "keyint_min": str(FPS)}
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
