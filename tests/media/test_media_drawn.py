"""Pictures that a notebook holds in memory: known by what they show, in every process the same."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media.drawn import from_drawn

RAMP = np.tile(np.arange(640, dtype=np.uint32) * 255 // 639, (360, 1)).astype(np.uint8)
COLOURS = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 90)], axis=-1)
KNOWN = "import numpy as np\nfrom hailuo_nb.media.drawn import from_drawn\n"


def pixels_of(value: object) -> Any:
    """Give what would be sent of something."""
    found = from_drawn(value)
    assert found is not None
    assert found.data is not None
    return np.asarray(Image.open(io.BytesIO(found.data)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(COLOURS, id="uint8 colours"),
        pytest.param(COLOURS / 255, id="floats"),
        pytest.param((COLOURS / 255).astype(np.float32), id="float32"),
        pytest.param(np.dstack([COLOURS, np.full_like(RAMP, 255)]), id="opaque RGBA"),
        pytest.param(np.asfortranarray(COLOURS), id="another order in memory"),
        pytest.param(COLOURS[::-1][::-1], id="a view"),
        pytest.param(np.ma.masked_array(COLOURS), id="masked"),
    ],
)
def test_an_array_is_the_picture_that_imshow_shows(array: Any) -> None:
    """Whole numbers from 0 to 255, or floats from 0 to 1."""
    assert (pixels_of(array) == COLOURS).all()


@pytest.mark.parametrize("array", [RAMP, RAMP[..., None], RAMP / 255])
def test_an_array_without_colours_is_grey(array: Any) -> None:
    """Two dimensions, or a third of one."""
    assert (pixels_of(array) == RAMP[..., None]).all()


def test_a_pillow_image_and_an_array_of_the_same_pixels_are_the_same_picture() -> None:
    """Neither the object nor how it lies in memory counts."""
    known = from_drawn(COLOURS)
    assert known == from_drawn(Image.fromarray(COLOURS)) == from_drawn((COLOURS / 255).astype(np.float32))
    other = COLOURS.copy()
    other[0, 0, 0] ^= 1
    assert known != from_drawn(other)
    assert known != from_drawn(COLOURS, "pad")


def test_an_array_is_known_in_every_process_by_the_same_text() -> None:
    """The identity is a digest of pixels: this very text stands in ledgers, so it may never change."""
    code = KNOWN + "print(dict(from_drawn(np.full((400, 500, 3), 7, np.uint8)).identity))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    here = from_drawn(np.full((400, 500, 3), 7, np.uint8))
    assert here is not None
    assert done.stdout.strip() == str(dict(here.identity)), done.stderr
    assert dict(here.identity) == {
        "pixels": "734cbb77cebe3e0ea72b0e7fc75e9eb2b77fcd8103b0ff2562cb24de94e5d36b",
        "fit": None,
    }
    assert (here.kind, here.label) == ("drawn", "array 500 x 400")


def test_the_number_of_a_colour_in_its_palette_means_nothing() -> None:
    """Two palettes of the same colours in another order are one picture."""
    first = Image.new("P", (400, 400), 0)
    first.putpalette([10, 20, 30, 200, 100, 0])
    second = Image.new("P", (400, 400), 1)
    second.putpalette([200, 100, 0, 10, 20, 30])
    assert from_drawn(first) == from_drawn(second)


def test_a_moving_image_that_was_opened_gives_the_frame_it_stands_at() -> None:
    """Whoever opened it has chosen."""
    buffer = io.BytesIO()
    colours = [Image.new("RGB", (640, 360), name) for name in ("red", "lime")]
    colours[0].save(buffer, "GIF", save_all=True, append_images=colours[1:])
    opened = Image.open(buffer)
    opened.seek(1)
    assert (pixels_of(opened)[0, 0] == (0, 255, 0)).all()


def test_a_figure_is_what_savefig_draws_and_nothing_imports_matplotlib() -> None:
    """A figure or its axes; the module is only looked at where the notebook has it."""
    plotting = pytest.importorskip("matplotlib.figure")
    figure = plotting.Figure(figsize=(6.4, 4.0), dpi=100, facecolor="#204060")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    found = pixels_of(figure)
    assert found.shape == (400, 640, 3)
    assert (found[5, 5] == (0x20, 0x40, 0x60)).all()
    assert from_drawn(axes) == from_drawn(figure)
    with pytest.raises(InvalidRequest, match="give the figure it is in"):
        from_drawn(__import__("matplotlib.lines").lines.Line2D([0], [1]))
    code = KNOWN + "import sys; from_drawn(np.zeros((400, 400))); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_what_is_no_picture_is_left_to_others() -> None:
    """A text, a number, an object: None, and no error."""
    for value in ("a.png", 5, object(), None, [1, 2]):
        assert from_drawn(value) is None


def broken_image() -> Image.Image:
    """Open a file that is cut off, which Pillow only notices later."""
    buffer = io.BytesIO()
    Image.fromarray(COLOURS).save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.getvalue()[:-200]))


class Odd:
    """Says it is an array, and is none."""

    def __array__(self, *_: object, **__: object) -> Any:
        raise RuntimeError("on the graphics card")


BAD: dict[str, tuple[Any, str]] = {
    "values that are no numbers": (np.full((400, 400), np.nan), "has values that are no numbers"),
    "infinite values": (np.full((400, 400), np.inf), "has values that are no numbers"),
    "floats up to 255": (RAMP.astype(float), "floats go from 0 to 255; scale them to 0 to 1"),
    "floats below 0": (np.full((400, 400), -1.0), "floats go from -1 to -1"),
    "another type": (RAMP.astype(np.int64), "an array of int64 says nothing of its range"),
    "true and false": (RAMP > 3, "an array of bool says nothing"),
    "objects": (np.full((400, 400), "a", object), "an array of object says nothing"),
    "colours first": (np.zeros((3, 400, 400), np.uint8), "Put the colours last, as array.transpose(1, 2, 0)"),
    "a batch of pictures": (np.zeros((2, 400, 400, 3), np.uint8), "not 2 x 400 x 400 x 3"),
    "a row": (np.zeros(400, np.uint8), "not 400"),
    "a single value": (np.float64(0.5), "not a single value"),
    "nothing": (np.zeros((0, 400, 3), np.uint8), "the array is empty (0 x 400 x 3)"),
    "a stamp": (
        np.zeros((200, 200, 3), np.uint8),
        "array 200 x 200: This picture cannot be sent: its short side",
    ),
    "a banner": (np.zeros((310, 900), np.uint8), "too long"),
    "more pixels than memory": (
        np.broadcast_to(np.uint8(7), (20_000, 20_000)),
        "more pixels than can be opened",
    ),
    "an opened file that is cut off": (broken_image(), "broken or cut off"),
    "an image of no size": (Image.new("RGB", (0, 400)), "it is empty"),
    "an object that fails": (Odd(), "no array of pixels (RuntimeError)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_drawing_is_refused_with_its_reason(name: str) -> None:
    """One line that says what is wrong with it, and what to do."""
    value, reason = BAD[name]
    with pytest.raises(InvalidRequest) as caught:
        from_drawn(value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
