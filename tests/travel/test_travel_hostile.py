"""Packs made to do harm, or broken on the way: each is refused in one line, and nothing is taken in."""

from __future__ import annotations

import io
import json
import stat
import string
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from travel_world import opened

from hailuo_nb.catalog.request import hash_of_kept
from hailuo_nb.errors import ClipInvalid, PackRefused
from hailuo_nb.session import packing
from hailuo_nb.session.session import Session
from hailuo_nb.travel import packed, unpack

Files = dict[str, bytes]
FACTS = {
    "bytes": 1,
    "width": 2,
    "height": 2,
    "fps": 24.0,
    "duration_s": 6.0,
    "codec": "h264",
    "frames": 144,
    "has_audio": False,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Give one session, into which none of these packs may bring anything."""
    with opened(tmp_path_factory.mktemp("world")) as session:
        assert session.ledger.rows() == []
        (session.folder / "hailuo" / "clips").mkdir()
        yield session


@pytest.fixture(scope="module")
def good(pack: Path) -> Files:
    """Give the members of a good pack."""
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Mapping[str, bytes] | list[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> bytes:
    """Make a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(zipfile.ZipInfo(name) if how == zipfile.ZIP_STORED else name, data, how)
    return buffer.getvalue()


def changed(good: Files, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Make a pack whose manifest says something else."""
    manifest = json.loads(good[packed.MANIFEST])
    change(manifest)
    return zipped({**good, packed.MANIFEST: json.dumps(manifest).encode()})


def clip(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Change the first clip."""
    return lambda manifest: manifest["clips"][0].update(values)


def refused(session: Session, data: bytes) -> str:
    """Try to take a pack in; gives the line that says why not, and makes sure that nothing came of it."""
    path = session.folder / "evil.zip"
    path.write_bytes(data)
    before = sorted(each for each in session.folder.rglob("*") if "ledger.db" not in each.name)
    with pytest.raises(PackRefused) as caught:
        packing.import_pack(session, path)
    text = str(caught.value)
    assert text.startswith("evil.zip is not taken in: ")
    assert text.isprintable()
    assert len(text) < 400
    assert before == sorted(each for each in session.folder.rglob("*") if "ledger.db" not in each.name)
    assert session.ledger.rows() == []
    assert session.ledger.ballots() == []
    return text


NAMES = [
    "../../evil.mp4",
    "/etc/evil.mp4",
    "clips/../../evil.mp4",
    "clips\\evil.mp4",
    "C:\\evil.mp4",
    "clips/con.mp4",
    "clips/lpt1.mp4",
    "clips/.hidden.mp4",
    "clips/FOX.mp4",
    "clips/evil.zip",
    "clips/a/b.mp4",
    "clips/evil.mp4 ",
    "clips/evil\x00.mp4",
    "clips/evil\u202e4pm.mp4",
    "hailuo/ledger.db",
    "evil.py",
    "more/",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_pack_has_is_refused(world: Session, good: Files, name: str) -> None:
    """Whether it climbs, is absolute, a device, hidden, in capitals, or a file of another kind."""
    assert "which no pack of ours does" in refused(world, zipped({**good, name: b"evil"}))


def test_links_and_devices_are_refused(world: Session, good: Files) -> None:
    """Even under a right name."""
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in good.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (kind | 0o777 if name.endswith(".mp4") else 0o100644) << 16
                archive.writestr(info, data)
        assert "a link or a device" in refused(world, buffer.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(world: Session, good: Files) -> None:
    """Also one that differs in capitals only, which on some disks is the same."""
    twice = [*good.items(), (packed.MANIFEST, b"{}")]
    assert "twice" in refused(world, zipped(twice))
    assert "twice" in refused(world, zipped([*good.items(), (packed.MANIFEST.upper(), b"{}")]))


def test_bombs_are_refused_before_anything_is_unpacked(world: Session, good: Files) -> None:
    """By ratio, by size, by count, and files that lie within each other."""
    first = next(name for name in good if name.endswith(".mp4"))
    zeros = {**good, first: bytes(30_000_000)}
    assert "made to fill a disk" in refused(world, zipped(zeros, zipfile.ZIP_DEFLATED))
    many = {**good, **{f"clips/c{number}.json": b"{}" for number in range(2 * packed.MOST_CLIPS + 4)}}
    assert "more than a pack has" in refused(world, zipped(many))
    data = bytearray(zipped(good))
    # The second file's place in the list is said to be that of the first: both are read from the same bytes.
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    assert "lies within another file" in refused(world, bytes(data))


@pytest.mark.parametrize("claimed", [1, 10**6, 2**31 + 1])
def test_a_size_that_is_a_lie_is_refused(world: Session, good: Files, claimed: int) -> None:
    """Too small, too large, or beyond what a clip may have."""
    data = bytearray(zipped(good))
    name = next(name for name in good if name.endswith(".mp4")).encode()
    at = data.rindex(name) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    data[at + 24 : at + 28] = struct.pack("<I", claimed)
    refused(world, bytes(data))


def test_what_is_not_whole_is_refused(world: Session, good: Files) -> None:
    """Cut anywhere, empty, no zip, or a zip of something else."""
    data = zipped(good)
    for cut in (0, 10, len(data) // 2, len(data) - 1, len(data) - 30):
        refused(world, data[:cut])
    refused(world, b"<!doctype html><title>404</title>")
    assert "no pack of hailuo_nb" in refused(world, zipped({packed.LETTER: b"hello"}))
    flipped = bytearray(data)
    flipped[data.index(b"ftyp") + 400] ^= 1
    refused(world, bytes(flipped))


def test_what_manifest_and_archive_say_must_be_one(world: Session, good: Files) -> None:
    """A clip that is not there, one that is not listed, another content, a web page for a clip."""
    clips = [name for name in good if name.endswith(".mp4")]
    less = {name: data for name, data in good.items() if name != clips[0]}
    assert "does not hold it" in refused(world, zipped(less))
    assert "does not list" in refused(world, changed(good, lambda told: told["clips"].pop()))
    swapped = {**good, clips[0]: good[clips[0]][:-4] + b"evil"}
    assert "its SHA-256 differs" in refused(world, zipped(swapped))
    import hashlib

    page = b"<!doctype html><script>alert(1)</script>"
    manifest = json.loads(good[packed.MANIFEST])
    entry = next(each for each in manifest["clips"] if clips[0].endswith(each["file"]))
    entry |= {"sha256": hashlib.sha256(page).hexdigest(), "bytes": len(page)}
    html = {**good, clips[0]: page, packed.MANIFEST: json.dumps(manifest).encode()}
    assert "is a web page, not a video" in refused(world, zipped(html))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested too deeply"),
        (b"[]", "no JSON object"),
        (b'{"format": NaN}', "NaN is no number"),
        (b'{"format": 1, "format": 2}', "twice"),
        (b"\xff\xfe", "broken"),
        (b'{"format": "hailuo-pack", "version": 99}', "pip install -U hailuo_nb"),
        (b'{"format": "other"}', "not that of a pack"),
        (b'{"format": "hailuo-pack", "version": 1, "clips": {}}', "lists no clips"),
    ],
)
def test_json_made_to_hurt_is_refused(world: Session, good: Files, text: bytes, words: str) -> None:
    """Too deep, not a number, a name twice, another encoding, another format."""
    assert words in refused(world, zipped({**good, packed.MANIFEST: text}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"prompt": "x" * 100_001}, "100,001 characters"),
        ({"prompt": "a\x1b[2Jfox"}, "control characters"),
        ({"prompt": None}, "not a text"),
        ({"name": "a\nfox"}, "control characters"),
        ({"note": "\u2028"}, "control characters"),
        ({"take": 0}, "take"),
        ({"take": True}, "take"),
        ({"take": 10**30}, "take"),
        ({"attempt": 1.5}, "attempt"),
        ({"service": "evil"}, "no service"),
        ({"request_hash": "../../x"}, "request_hash"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"file": "../../x.mp4"}, "cannot be a clip's file"),
        ({"file": "con.mp4"}, "cannot be a clip's file"),
        ({"cost_usd": "NaN"}, "not a sum"),
        ({"cost_usd": "-1"}, "not a sum"),
        ({"cost_usd": "1e400"}, "not a sum"),
        ({"cost_usd": 0.28}, "not a sum"),
        ({"created_utc": "2026-01-01"}, "not a time with a zone"),
        ({"created_utc": None}, "not a time with a zone"),
        ({"rating": 6}, "rating"),
        ({"tags": "all"}, "tags"),
        ({"axes": {"light": 1}}, "axes"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {"a": {"b": "\x00"}}}, "control characters"),
        ({"inputs": {"a": "x" * 500_000}}, "too large"),
        ({"asked_duration_s": "6"}, "seconds"),
        ({"bytes": 1}, "another size"),
    ],
)
def test_a_row_made_to_hurt_is_refused(
    world: Session, good: Files, values: dict[str, Any], words: str
) -> None:
    """Each value has its type and its size."""
    assert words in refused(world, changed(good, clip(**values)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told["clips"].append(dict(told["clips"][0])), "twice"),
        (lambda told: told["ballots"].append(dict(told["ballots"][0])), "ballot twice"),
        (lambda told: told["ballots"][0].update(id="v'; DROP TABLE votes"), "no id of ours"),
        (lambda told: told["ballots"][0]["votes"][0].update(answer="taken_back"), "a vote says"),
        (lambda told: told["ballots"][0].update(votes="many"), "no votes"),
        (lambda told: told.update(ballots=7), "lists no clips, or too many"),
    ],
)
def test_lists_made_to_hurt_are_refused(
    world: Session, good: Files, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """Twice the same clip or ballot, votes that are none."""
    assert words in refused(world, changed(good, change))


def test_text_stays_text(good: Files, tmp_path: Path) -> None:
    """SQL and HTML in a prompt are words like any others: taken in as they are, and never obeyed."""
    evil = "'); DROP TABLE clips; -- <img src=x onerror=alert(1)> {{1+1}} {a|b}"
    (tmp_path / "evil.zip").write_bytes(changed(good, clip(prompt=evil, note=evil, name="x'--", tags=[evil])))
    with opened(tmp_path) as session:
        batch = packing.import_pack(session, "evil.zip")
        row = next(row for row in session.ledger.rows() if row.prompt == evil)
        assert (row.note, row.tags, row.name) == (evil, (evil,), "x'--")
        assert len(batch) == 2
        assert "<img" not in batch._repr_html_()


def test_no_clip_takes_the_place_of_another_request(good: Files, tmp_path: Path) -> None:
    """Only a hash that follows from the clip's own inputs is believed, so no cell shows a stranger's clip."""
    wanted = json.loads(good[packed.MANIFEST])["clips"][0]
    evil = {"prompt": "something else", "inputs": {"prompt": "something else"}}
    (tmp_path / "evil.zip").write_bytes(changed(good, clip(**evil)))
    with opened(tmp_path) as session:
        packing.import_pack(session, "evil.zip")
        key = ("simulator", wanted["request_hash"], 1)
        assert session.ledger.find([key]) == [None]
        assert len(session.ledger.rows()) == 2
        packing.import_pack(session, "evil.zip")
        assert len(session.ledger.rows()) == 2


# -- whatever is in it -------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_NAMES = st.text(string.printable + "\u00e9\u202e\x00", min_size=1, max_size=40) | st.sampled_from(NAMES)


def probe(_: Path) -> dict[str, Any]:
    """Take anything for a clip."""
    return FACTS


@settings(max_examples=60)
@given(
    field=st.sampled_from(
        sorted(["prompt", "take", "inputs", "axes", "tags", "file", "cost_usd", "created_utc", "sha256"])
    ),
    value=_JSON,
)
@example(field="inputs", value={"a": [{"b": float("inf")}]})
def test_any_value_in_a_row_is_read_or_refused_in_one_line(field: str, value: Any) -> None:
    """What is read can be written, and is the same when it comes back."""
    told = {
        "service": "simulator",
        "request_hash": "0" * 64,
        "variant": "t2v-pro",
        "model": "m",
        "prompt": "a",
        "take": 1,
        "attempt": 1,
        "axes": {},
        "inputs": {"prompt": "a"},
        "tags": [],
        "file": "a.mp4",
        "sha256": "0" * 64,
        "bytes": 1,
        "created_utc": "2026-01-01T00:00:00+00:00",
    }
    refusal = ""
    try:
        read = packed.clip_of({**told, field: value})
    except packed.Fault as fault:
        refusal = str(fault)
    else:
        assert read.clip.new.take >= 1
        assert hash_of_kept("m", read.clip.new.inputs) is not None
    assert refusal.isprintable()
    assert len(refusal) < 300


@settings(max_examples=80)
@given(
    names=st.lists(_NAMES, max_size=5), manifest=_JSON, cut=st.integers(0, 400), flip=st.integers(0, 10**6)
)
def test_any_archive_is_read_or_refused(
    names: list[str], manifest: Any, cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing but a refusal comes out, and nothing is laid out but in the folder for it."""
    folder = tmp_path_factory.mktemp("any")
    files = dict.fromkeys(names, b"{}") | {packed.MANIFEST: json.dumps(manifest).encode()}
    with suppress(ValueError):
        data = bytearray(zipped(files))
        data[flip % len(data)] ^= 0x40
        (folder / "any.zip").write_bytes(bytes(data[: len(data) - cut % len(data)]))
        stage = folder / "stage"
        stage.mkdir()
        with pytest.raises(PackRefused):
            unpack.read(folder / "any.zip", stage, probe)
        assert sorted(each.name for each in folder.iterdir()) == ["any.zip", "stage"]


def test_a_bit_anywhere_is_noticed(pack: Path, tmp_path: Path) -> None:
    """Whichever byte of a pack broke on the way, it is refused, or what was read is what was packed."""
    data = pack.read_bytes()
    whole = _contents(pack, tmp_path / "whole")
    broken = tmp_path / "broken.zip"
    refusals = 0
    for number in range(60):
        at = (number * 7919 * 31) % len(data) if number < 30 else len(data) - 1 - number * 13
        broken.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            assert _contents(broken, tmp_path / f"n{number}") == whole
        except PackRefused:
            refusals += 1
    assert refusals > 30


def _contents(path: Path, stage: Path) -> list[Any]:
    stage.mkdir()

    def plays(file: Path) -> dict[str, Any]:
        if b"ftyp" not in file.read_bytes()[:16]:
            raise ClipInvalid("no video")
        return FACTS

    read = unpack.read(path, stage, plays)
    return [(each.packed.clip, each.path.read_bytes(), each.recipe) for each in read.clips] + [read.ballots]
