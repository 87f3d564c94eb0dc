"""Pictures: what the service would refuse is refused here, and what counts as the same picture."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.catalog.request import build
from hailuo_nb.catalog.variants import find
from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import frame_png
from hailuo_nb.media.image import ImageFacts, check, from_clip, from_path, from_url

ClipMaker = Callable[..., Path]
ImageMaker = Callable[..., bytes]


@pytest.mark.parametrize(("form", "content_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_picture_is_measured(make_image: ImageMaker, form: str, content_type: str) -> None:
    """Format, size, bytes and media type are those of the data."""
    data = make_image((640, 360), form)
    assert check(data) == ImageFacts(form, 640, 360, len(data), content_type)


def test_a_picture_of_a_telephone_is_a_jpeg(make_image: ImageMaker) -> None:
    """A JPEG with a second picture behind it (MPO) counts as JPEG."""
    second = Image.new("RGB", (640, 360))
    assert check(make_image(form="MPO", save_all=True, append_images=[second])).format == "JPEG"


@pytest.mark.parametrize(
    ("size", "is_fine"),
    [
        ((301, 301), True),
        ((300, 301), False),
        ((301, 752), True),
        ((301, 753), False),
        ((752, 301), True),
        ((400, 1000), False),
        ((1000, 400), False),
        ((401, 1000), True),
        ((2000, 100), False),
    ],
)
def test_shape_and_size_have_the_services_limits(
    make_image: ImageMaker, size: tuple[int, int], is_fine: bool
) -> None:
    """The ratio lies strictly between 2:5 and 5:2, the short side over 300 pixels."""
    if is_fine:
        assert (check(make_image(size)).width, check(make_image(size)).height) == size
    else:
        with pytest.raises(InvalidRequest, match=r"too long|short side"):
            check(make_image(size))


def test_every_fault_of_a_picture_is_named(make_image: ImageMaker) -> None:
    """Format, shape and size are told at once."""
    with pytest.raises(InvalidRequest) as caught:
        check(make_image((900, 100), "GIF"))
    assert caught.value.faults == (
        "it is GIF; save it as JPEG or PNG",
        "it is 900 x 100, too long (2:5 to 5:2 goes); --fit pad or crop helps",
        "its short side is 100 px; it must be over 300 px",
    )


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(99), b"\xff\xd8\xff"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Other bytes get a line that says what to do."""
    with pytest.raises(InvalidRequest, match="cannot be sent"):
        check(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_broken_picture_is_refused(make_image: ImageMaker, form: str, part: float) -> None:
    """A picture is decoded to its end, not believed by its first bytes."""
    data = make_image((640, 360), form)
    with pytest.raises(InvalidRequest, match=r"broken or cut off|cannot be sent"):
        check(data[: int(len(data) * part)])


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF", b"BM"]),
)
def test_hostile_bytes_never_crash(data: bytes, head: bytes) -> None:
    """Whatever the bytes are, nothing but InvalidRequest comes out."""
    with pytest.raises(InvalidRequest):
        check(head + data)


def test_a_picture_that_would_fill_the_memory_is_refused(make_image: ImageMaker) -> None:
    """A header that promises a billion pixels is not followed."""
    data = bytearray(make_image((640, 360)))
    data[16:24] = (40_000).to_bytes(4, "big") + (30_000).to_bytes(4, "big")
    with pytest.raises(InvalidRequest):
        check(bytes(data))


def test_a_file_counts_by_its_bytes_and_fit(tmp_path: Path, make_image: ImageMaker) -> None:
    """Name and place do not matter; bytes and fit do."""
    data = make_image()
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(data)
    second.write_bytes(data)
    found = from_path(first)
    assert found == from_path(second)
    assert dict(found.identity) == {"sha256": hashlib.sha256(data).hexdigest(), "fit": None}
    assert (found.kind, found.label, found.data, found.content_type) == ("file", "a.png", data, "image/png")
    assert found != from_path(first, fit="pad")
    assert build(find("i2v-pro"), prompt="x", image=found) == build(
        find("i2v-pro"), prompt="x", image=from_path(second)
    )


@pytest.mark.parametrize("size", [(1200, 320), (320, 1200), (900, 900)])
@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_fit_brings_any_shape_to_the_clips(
    tmp_path: Path, make_image: ImageMaker, size: tuple[int, int], fit: str
) -> None:
    """Padding adds, cropping takes away, and either way the service accepts it."""
    path = tmp_path / "long.bmp"
    path.write_bytes(make_image(tuple(side * 2 for side in size), "BMP"))
    found = from_path(path, fit=fit)
    assert found.data is not None
    facts = check(found.data)
    assert facts.width / facts.height == pytest.approx(16 / 9, rel=0.01)
    area = facts.width * facts.height / (4 * size[0] * size[1])
    assert area > 1 if fit == "pad" else area < 1
    assert dict(found.identity)["fit"] == fit


@pytest.mark.parametrize("fit", ["stretch", "", 5])
def test_another_fit_is_refused(tmp_path: Path, fit: str) -> None:
    """There are two ways to fit."""
    with pytest.raises(InvalidRequest, match="pad or crop"):
        from_path(tmp_path / "a.png", fit=fit)


def test_what_cannot_be_read_gets_a_line(tmp_path: Path) -> None:
    """A missing file, a folder, an impossible name and a broken file: no home path is told."""
    (tmp_path / "page.png").write_bytes(b"<html>")
    for path in (tmp_path / "no.png", tmp_path, Path("a\0b"), tmp_path / "page.png"):
        with pytest.raises(InvalidRequest) as caught:
            from_path(path)
        assert str(tmp_path.parent) not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_even_read(tmp_path: Path) -> None:
    """More than 20 MB is refused by its size."""
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    with pytest.raises(InvalidRequest, match="at most 20 MB"):
        from_path(path)


def test_an_address_goes_as_it_is_and_an_inline_picture_is_checked(make_image: ImageMaker) -> None:
    """A data address is a file, with a file's limits."""
    assert from_url("https://example.org/a.png?s=1").url == "https://example.org/a.png?s=1"
    good = base64.b64encode(make_image()).decode()
    assert from_url(f"data:image/png;base64,{good}").kind == "file"
    small = base64.b64encode(make_image((99, 99))).decode()
    for text in (f"data:image/png;base64,{small}", "a.png", "data:image/png;base64,@"):
        with pytest.raises(InvalidRequest):
            from_url(text)


def test_a_frame_counts_by_its_clip_and_time(make_clip: ClipMaker) -> None:
    """Without a recipe the clip is known by its bytes, with one by the clip it names."""
    path = make_clip(size=(640, 360), frames=4)
    found = from_clip(path)
    assert found.kind == "frame"
    assert found.label == "clip.mp4, last frame"
    assert found.data == frame_png(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert dict(found.identity) == {"clip": f"sha256:{digest}", "at": "last"}
    clip_id = f"simulator:{'ab' * 32}:t1:a1"
    recipe.write(path, {"clip": clip_id})
    assert dict(from_clip(path, 0.05).identity) == {"clip": clip_id, "at": 0.05}
    renamed = path.rename(path.with_name("other.mp4"))
    assert from_clip(renamed) == from_clip(renamed)
    assert build(find("i2v-pro"), prompt="x", image=from_clip(renamed)).hash


def test_a_forged_name_in_a_recipe_is_not_believed(make_clip: ClipMaker) -> None:
    """Only what has the form of a clip's identity counts as one."""
    path = make_clip(size=(640, 360), frames=2)
    recipe.write(path, {"clip": "../../etc/passwd"})
    assert str(dict(from_clip(path).identity)["clip"]).startswith("sha256:")


def test_a_frame_too_large_goes_as_jpeg(make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 15 MB of PNG a JPEG of nearly the same picture is sent."""
    monkeypatch.setattr("hailuo_nb.media.image._LARGEST_PNG", 1000)
    path = make_clip(size=(640, 360), frames=2)
    found = from_clip(path)
    assert found.content_type == "image/jpeg"
    assert found.data is not None
    exact = np.asarray(Image.open(io.BytesIO(frame_png(path)))).astype(int)
    assert abs(np.asarray(Image.open(io.BytesIO(found.data))).astype(int) - exact).max() < 6


def test_a_frame_of_no_clip_is_refused(tmp_path: Path) -> None:
    """A page in place of a clip, or a time outside it, gets its own error."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"<html>")
    with pytest.raises(ClipInvalid):
        from_clip(path)
