"""What is sent of a picture: what it shows, as it is seen, and nothing that is written beside it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media.image import from_bytes
from hailuo_nb.media.opening import what_instead
from hailuo_nb.media.sending import ready

ImageMaker = Callable[..., bytes]
PLACE = b"48.8584 N 2.2945 E"


def pixels_of(data: bytes) -> Any:
    """Decode a picture that was sent."""
    picture = Image.open(io.BytesIO(data))
    assert picture.format in {"PNG", "JPEG"}
    return np.asarray(picture.convert("RGB")).astype(int)


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    """Write a picture as a file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def drawing(size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Draw a picture in which up, down, left and right can be told apart."""
    picture = Image.new("RGB", size, (200, 120, 40))
    picture.paste((20, 60, 180), (0, 0, size[0] // 2, size[1] // 2))
    return picture


def exif(orientation: int = 1) -> Image.Exif:
    """Write what a telephone writes: how it was held, and where it was."""
    written = Image.Exif()
    written[0x0112] = orientation
    written[0x010E] = PLACE.decode()
    written.get_ifd(0x8825)[1] = "N"
    written.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return written


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_what_is_fine_keeps_its_pixels_and_loses_its_notes(form: str) -> None:
    """Place, author and comments are cut out; not one pixel changes, and nothing is said of it."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", PLACE.decode())
    options: dict[str, Any] = {"exif": exif()} | (
        {"quality": 80, "comment": PLACE} if form == "JPEG" else {"pnginfo": info}
    )
    data = saved(drawing(), form, **options)
    assert PLACE in data
    sent = ready(data)
    assert PLACE not in sent.data
    assert len(Image.open(io.BytesIO(sent.data)).getexif()) == 0
    assert (pixels_of(sent.data) == pixels_of(data)).all()
    assert sent.note == ""


@pytest.mark.parametrize("fit", [None, "pad"])
def test_what_is_encoded_anew_loses_its_notes_too(fit: str | None) -> None:
    """A JPEG that has to be turned or fitted carries nothing over."""
    data = saved(drawing(), "JPEG", exif=exif(6), comment=PLACE, xmp=PLACE)
    assert data.count(PLACE) == 3
    sent = ready(data, fit)
    assert PLACE not in sent.data
    assert len(Image.open(io.BytesIO(sent.data)).getexif()) == 0


def test_a_progressive_jpeg_is_cut_at_its_end() -> None:
    """Of several scans none is lost; what lies behind the picture, as a telephone's second one, is."""
    data = saved(drawing(), "JPEG", progressive=True, quality=90)
    sent = ready(data + b"a second picture" + PLACE)
    assert PLACE not in sent.data
    assert (pixels_of(sent.data) == pixels_of(data)).all()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_is_sent_as_it_was_held(orientation: int) -> None:
    """All eight ways to hold a camera come out as the viewer shows them, and the note about it is gone."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    sent = ready(saved(drawing(), "PNG", exif=exif(orientation)))
    right = np.asarray(drawing().transpose(turns[orientation])).astype(int)
    assert (pixels_of(sent.data) == right).all()
    assert Image.open(io.BytesIO(sent.data)).getexif().get(0x0112, 1) == 1
    assert sent.note == "turned upright"


@pytest.mark.parametrize(
    ("form", "options", "most_off", "kind"),
    [
        ("WEBP", {"lossless": True}, 4, "JPEG"),
        ("GIF", {}, 2, "PNG"),
        ("BMP", {}, 0, "PNG"),
        ("TIFF", {}, 0, "PNG"),
        ("AVIF", {"quality": 95}, 8, "JPEG"),
        ("PPM", {}, 0, "PNG"),
    ],
)
def test_other_kinds_of_file_are_sent_as_png_or_jpeg(
    form: str, options: dict[str, Any], most_off: int, kind: str
) -> None:
    """What was saved without loss is sent without loss; the note says what became of it."""
    sent = ready(saved(drawing(), form, **options))
    off = abs(pixels_of(sent.data) - np.asarray(drawing()).astype(int))
    assert np.percentile(off, 99) <= most_off
    assert sent.note == f"as {kind}"


def test_deep_greys_and_palettes_and_printing_inks_become_what_they_look_like() -> None:
    """16 bits, a palette and CMYK are sent as 8 bits of RGB or grey."""
    grey = np.linspace(0, 65535, 640 * 360, dtype=np.uint16).reshape(360, 640)
    sent = ready(saved(Image.fromarray(grey), "PNG"))
    assert abs(pixels_of(sent.data)[..., 0] - grey / 257).max() <= 0.5
    few = saved(drawing().quantize(8), "PNG")
    assert (pixels_of(ready(few).data) == np.asarray(drawing())).all()
    inks = saved(drawing().convert("CMYK"), "JPEG", quality=95)
    assert np.percentile(abs(pixels_of(ready(inks).data) - np.asarray(drawing()).astype(int)), 99) < 8


def test_sixteen_bit_colours_are_told_by_the_files_own_header() -> None:
    """Pillow opens them as 8 bits, so the file would go on with 16."""
    row = b"\0" + struct.pack(">HHH", 65535, 32768, 0) * 400
    header = struct.pack(">IIBBBBB", 400, 400, 16, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(row * 400)) + chunk(b"IEND", b"")
    sent = ready(data).data
    assert sent[24] == 8
    assert abs(pixels_of(sent)[0, 0] - (255, 128, 0)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_becomes_white_and_is_said(mode: str) -> None:
    """The service has no transparency; what it would make of it nobody knows."""
    picture = drawing().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    if mode != "RGBA":
        picture = picture.convert("LA" if mode == "LA" else "RGBA")
    data = saved(picture.quantize() if mode == "PA" else picture, "PNG")
    sent = ready(data)
    found = pixels_of(sent.data)
    assert (found[0] > 240).all()
    assert sent.note == "with white where it is transparent"
    opaque = drawing().convert("RGBA")
    assert ready(saved(opaque, "PNG")).note == ""
    assert (pixels_of(ready(saved(opaque, "PNG")).data) == np.asarray(drawing())).all()


def test_colours_of_another_profile_are_brought_to_those_of_a_screen() -> None:
    """A picture in a wide profile looks the same afterwards; one in sRGB keeps its numbers; a broken one too."""
    # A profile whose red and blue change places: whoever reads it sees other colours than the numbers say.
    srgb = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = srgb.index(b"rXYZ"), srgb.index(b"bXYZ")
    swapped = bytearray(srgb)
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = (
        srgb[blue + 4 : blue + 12],
        srgb[red + 4 : red + 12],
    )
    other = bytes(swapped).replace("sRGB".encode("utf-16-be"), "oRGB".encode("utf-16-be"))
    data = saved(drawing(), "PNG", icc_profile=other)
    found = pixels_of(ready(data).data)
    assert abs(found - np.asarray(drawing()).astype(int)[..., ::-1]).max() <= 2
    assert b"iCCP" not in ready(data).data
    for profile in (srgb, b"no profile at all"):
        sent = ready(saved(drawing(), "PNG", icc_profile=profile))
        assert (pixels_of(sent.data) == np.asarray(drawing())).all()
        assert b"iCCP" not in sent.data


def test_fitting_shows_everything_or_cuts_evenly_and_ends_at_four_k() -> None:
    """Padding is black; a picture larger than any clip comes out no wider than 3840."""
    padded = pixels_of(ready(saved(drawing((360, 640)), "PNG"), "pad").data)
    assert padded[:, :10].max() < 12
    assert padded[padded.shape[0] - 20, padded.shape[1] // 2, 0] > 150
    cropped = pixels_of(ready(saved(drawing((360, 640)), "PNG"), "crop").data)
    assert cropped[:, :10].max() > 100
    wide = pixels_of(ready(saved(Image.new("RGB", (8000, 1000)), "PNG"), "crop").data)
    assert wide.shape[1] <= 3840
    assert pixels_of(ready(saved(drawing((3000, 6000)), "JPEG"), "pad").data).shape[1] == 3840


def frames(*colours: str) -> list[Image.Image]:
    """Draw the frames of something that moves."""
    return [Image.new("RGB", (640, 360), colour) for colour in colours]


def animated(form: str) -> bytes:
    """Draw something that moves."""
    first, *others = frames("red", "green", "blue")
    return saved(first, form, save_all=True, append_images=others)


def bomb() -> bytes:
    """Write a PNG whose header promises a billion pixels."""
    data = bytearray(saved(drawing(), "PNG"))
    data[16:24] = (40_000).to_bytes(4, "big") + (30_000).to_bytes(4, "big")
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "an empty file": (lambda: b"", "it is empty"),
    "text named as a picture": ("a fox, not a picture: ä".encode, "it is text, not a picture"),
    "a web page": (
        lambda: b"<!DOCTYPE html><html>404</html>",
        "it is a web page; download the picture itself",
    ),
    "an SVG drawing": (
        lambda: b'<?xml version="1.0"?><svg width="9"/>',
        "it is an SVG drawing; save it as PNG",
    ),
    "a PDF": (lambda: b"%PDF-1.7\n\xff\xff", "it is a PDF; save the page as PNG"),
    "a video": (lambda: b"\0\0\0\x20ftypisom" + bytes(600), "it is a video; name it .mp4"),
    "a HEIC without its reader": (lambda: b"\0\0\0\x20ftypheic" + bytes(600), "pip install pillow-heif"),
    "a JPEG cut off": (lambda: saved(drawing(), "JPEG")[:-900], "it is broken or cut off"),
    "a PNG cut off": (lambda: saved(drawing(), "PNG")[:-40], "it is broken or cut off"),
    "a bomb": (bomb, "more pixels than can be opened safely"),
    "one pixel": (lambda: saved(drawing((1, 1)), "PNG"), "its short side is 1 px; it must be over 300 px"),
    "a stamp": (lambda: saved(drawing((400, 300)), "JPEG"), "its short side is 300 px"),
    "a banner": (
        lambda: saved(drawing((1600, 400)), "JPEG"),
        "too long (2:5 to 5:2 goes); --fit pad or crop helps",
    ),
    "a GIF that moves": (lambda: animated("GIF"), "it holds 3 pictures and a clip starts from one"),
    "a WebP that moves": (lambda: animated("WEBP"), "it holds 3 pictures"),
    "a PNG that moves": (lambda: animated("PNG"), "it holds 3 pictures"),
    "a TIFF of many pages": (lambda: animated("TIFF"), "it holds 3 pictures"),
    "measurements": (
        lambda: saved(Image.fromarray(np.full((400, 400), -3.5, np.float32)), "TIFF"),
        "its values are measurements, not shades",
    ),
    "EPS, which would start a program": (
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes([255]) * 9,
        "not a picture",
    ),
    "noise": (lambda: bytes(range(256)) * 40, "it is not a picture that can be read; save it as JPEG or PNG"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_refused_with_its_reason(name: str) -> None:
    """One line that says what it is instead, and what to do."""
    make, reason = BAD[name]
    with pytest.raises(InvalidRequest) as caught:
        from_bytes(make(), label="photo.png")
    said = str(caught.value)
    assert reason in said
    assert said.startswith("photo.png: ")
    assert "\n" not in said


def test_a_file_of_more_than_twenty_megabytes_gets_an_offer() -> None:
    """Noise that no JPEG makes small: refused with the way out."""
    with pytest.raises(
        InvalidRequest, match=r"at most 20 MB can be sent; --fit pad or crop makes it smaller"
    ):
        from_bytes(bytes(21 * 1024 * 1024))


@given(st.binary(max_size=300))
def test_whatever_bytes_are_they_are_named_in_one_line(data: bytes) -> None:
    """Naming never fails."""
    assert "\n" not in what_instead(data)


@given(st.sampled_from(["JPEG", "PNG"]), st.integers(2, 2000), st.binary(min_size=1, max_size=4))
def test_a_damaged_picture_is_refused_or_still_a_picture(form: str, at: int, wrong: bytes) -> None:
    """Cutting notes out of a file in which bytes are wrong makes no other picture of it."""
    data = bytearray(saved(drawing((320, 320)), form))
    at %= len(data)
    data[at : at + len(wrong)] = wrong
    try:
        sent = ready(bytes(data))
    except InvalidRequest:
        return
    pixels_of(sent.data)
