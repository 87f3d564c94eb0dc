"""Reads a pack, which anybody may have written.

In comes a zip; out come clips and votes that keep every rule of `hailuo_nb.travel.packed`, their files laid out under
names of ours in a folder of ours, each with the content it was said to have and each a video that plays; or one line
that says why not. No name in the archive ever becomes a path, and nothing is unpacked before the whole list was
checked. Next: the session takes them in.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hailuo_nb.errors import ClipInvalid, PackRefused
from hailuo_nb.ledger.importing import ForeignBallot
from hailuo_nb.media.clip import named
from hailuo_nb.travel import packed
from hailuo_nb.travel.packed import Fault, PackedClip

__all__ = ["Pack", "Unpacked", "read"]

MOST_TOTAL = 20 * 2**30
MOST_CLIP = 2 * 2**30
MOST_RECIPE = 1_000_000
MOST_MANIFEST = 64 * 2**20
# Videos hardly shrink, and JSON of this kind shrinks to a tenth: what shrinks more is made to fill a disk.
MOST_RATIO = 60
_ROOM_LEFT = 64 * 2**20
_CHUNK = 1 << 20
_MEMBER = re.compile(r"clips/([a-z0-9][a-z0-9-]{0,140})\.(mp4|json)")
_KNOWN_FLAGS = 0x0002 | 0x0004 | 0x0008 | 0x0800  # how it was deflated, sizes behind the data, names in UTF-8
_LOCAL_HEADER = 30

Probe = Callable[[Path], dict[str, Any]]
"""Measures a clip; raises `ClipInvalid` for what is none."""


@dataclass(frozen=True)
class Unpacked:
    """One clip, its file laid out.

    Attributes
    ----------
    packed : PackedClip
        What the pack says, checked.
    path : Path
        Its file, in the folder that was given.
    facts : dict
        As measured here, whatever the pack says.
    recipe : dict
        What stands beside it.
    """

    packed: PackedClip
    path: Path
    facts: dict[str, Any]
    recipe: dict[str, Any]


@dataclass(frozen=True)
class Pack:
    """All of a pack."""

    clips: tuple[Unpacked, ...]
    ballots: tuple[ForeignBallot, ...]


def read(path: Path, folder: Path, probe: Probe) -> Pack:
    """Read a pack and lay its files out.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        An empty folder, on the disk where the clips are to lie. What is laid out in it when this raises is the
        caller's to take away.
    probe : callable
        Measures a clip.

    Raises
    ------
    PackRefused
        In one line, why nothing of it is taken in.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path, folder, probe)
    except Fault as fault:
        raise PackRefused(f"{named(path)} is not taken in: {fault}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PackRefused(
            f"{named(path)} is not taken in: it is no zip, or not whole ({_short(error)}). Fetch it again."
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PackRefused(
            f"{named(path)} is not taken in: it cannot be read or laid out ({reason})."
        ) from None


def _read(archive: zipfile.ZipFile, path: Path, folder: Path, probe: Probe) -> Pack:
    members = _members(archive, path.stat().st_size)
    if packed.MANIFEST not in members:
        raise Fault(f"it holds no {packed.MANIFEST}, so it is no pack of hailuo_nb")
    manifest = packed.loaded(_small(archive, members[packed.MANIFEST], MOST_MANIFEST), packed.MANIFEST)
    clips, ballots = _listed(manifest)
    _check_files(clips, members)
    if sum(info.file_size for info in members.values()) + _ROOM_LEFT > shutil.disk_usage(folder).free:
        raise Fault("the disk has no room for it")
    laid_out = tuple(
        _laid_out(archive, members, clip, folder / f"{number}.mp4", probe)
        for number, clip in enumerate(clips)
    )
    return Pack(laid_out, ballots)


# -- the list ----------------------------------------------------------------------------------------------------------


def _members(archive: zipfile.ZipFile, archive_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Check the archive's list before anything is unpacked."""
    infos = archive.infolist()
    if len(infos) > 2 * packed.MOST_CLIPS + 3:
        raise Fault(f"it lists {len(infos):,} files, more than a pack has")
    members: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    for info in infos:
        name = info.orig_filename
        if name.casefold() in folded:
            raise Fault(f"it lists {packed.shown(name)} twice")
        folded.add(name.casefold())
        _check_member(info, name)
        members[name] = info
    files = {name: info for name, info in members.items() if name != packed.CLIPS}
    total = sum(info.file_size for info in files.values())
    if total > MOST_TOTAL:
        raise Fault(f"it unpacks to {total:,} bytes, more than {MOST_TOTAL:,}")
    _check_places(list(files.values()), archive_bytes)
    return files


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    """Let nothing pass but a plain file of a pack, under a name of ours."""
    match = _MEMBER.fullmatch(name)
    is_ours = name in (packed.MANIFEST, packed.LETTER, packed.CLIPS) or match is not None
    if not is_ours or (match is not None and packed.is_device(match[1])):
        raise Fault(f"it holds {packed.shown(name)}, which no pack of ours does")
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFDIR if name == packed.CLIPS else stat.S_IFREG):
        raise Fault(f"{packed.shown(name)} is a link or a device")
    if info.flag_bits & ~_KNOWN_FLAGS:
        raise Fault(f"{packed.shown(name)} is encrypted, or packed in a way that is not read here")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Fault(f"{packed.shown(name)} is packed in a way that is not read here")
    is_clip = match is not None and match[2] == "mp4"
    most = MOST_CLIP if is_clip else MOST_MANIFEST if name == packed.MANIFEST else MOST_RECIPE
    if info.file_size > most:
        raise Fault(f"{packed.shown(name)} has {info.file_size:,} bytes, more than {most:,}")
    if info.file_size > MOST_RATIO * max(info.compress_size, 64):
        raise Fault(f"{packed.shown(name)} is made to fill a disk")


def _check_places(infos: list[zipfile.ZipInfo], archive_bytes: int) -> None:
    """Let each byte of the archive belong to one file only: overlapping ones are made to fill a disk."""
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise Fault(f"{packed.shown(info.orig_filename)} lies within another file")
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
    if end > archive_bytes:
        raise Fault("it is not whole")


def _listed(manifest: dict[str, Any]) -> tuple[list[PackedClip], tuple[ForeignBallot, ...]]:
    """Read what the manifest says."""
    if manifest.get("format") != packed.FORMAT:
        raise Fault(f"{packed.MANIFEST} is not that of a pack")
    if manifest.get("version") != packed.VERSION:
        raise Fault(
            f"it is of version {packed.shown(manifest.get('version'))} and this hailuo_nb reads {packed.VERSION}; "
            "pip install -U hailuo_nb"
        )
    told, ballots = manifest.get("clips"), manifest.get("ballots", [])
    if not isinstance(told, list) or not isinstance(ballots, list) or len(told) > packed.MOST_CLIPS:
        raise Fault(f"{packed.MANIFEST} lists no clips, or too many")
    clips: list[PackedClip] = []
    for number, each in enumerate(told, start=1):
        try:
            clips.append(packed.clip_of(each))
        except Fault as fault:
            raise Fault(f"clip {number} of {packed.MANIFEST}: {fault}") from None
    for what, values in (
        ("file", [clip.file for clip in clips]),
        ("clip", [clip.clip.key for clip in clips]),
        ("clip", [(*clip.clip.new.identity, clip.clip.attempt) for clip in clips]),
    ):
        if len(set(values)) != len(values):
            raise Fault(f"{packed.MANIFEST} lists a {what} twice")
    read = tuple(map(packed.ballot_of, ballots))
    if (
        len({ballot.id for ballot in read}) != len(read)
        or sum(len(b.votes) for b in read) > packed.MOST_VOTES
    ):
        raise Fault(f"{packed.MANIFEST} lists a ballot twice, or too many votes")
    return clips, read


def _check_files(clips: list[PackedClip], members: dict[str, zipfile.ZipInfo]) -> None:
    """Hold the manifest against the archive's list: no file more, none less, each of the size it says."""
    left = set(members) - {packed.MANIFEST, packed.LETTER}
    for clip in clips:
        name = packed.CLIPS + clip.file
        if name not in left or _recipe_name(name) not in left:
            raise Fault(f"it lists {packed.shown(clip.file)} and does not hold it with its recipe")
        if members[name].file_size != clip.bytes:
            raise Fault(f"{packed.shown(clip.file)} has another size than {packed.MANIFEST} says")
        left -= {name, _recipe_name(name)}
    if left:
        raise Fault(f"it holds {packed.shown(sorted(left)[0])}, which {packed.MANIFEST} does not list")


# -- the files ---------------------------------------------------------------------------------------------------------


def _laid_out(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], clip: PackedClip, path: Path, probe: Probe
) -> Unpacked:
    """Lay out one clip, and make sure that it is what it was said to be."""
    name = packed.CLIPS + clip.file
    told = packed.loaded(_small(archive, members[_recipe_name(name)], MOST_RECIPE), _recipe_name(clip.file))
    digest, size = hashlib.sha256(), 0
    with archive.open(members[name]) as stream, path.open("xb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > clip.bytes:
                raise Fault(f"{packed.shown(clip.file)} is larger than it says")
            digest.update(chunk)
            file.write(chunk)
    if size != clip.bytes or digest.hexdigest() != clip.clip.sha256:
        raise Fault(
            f"{packed.shown(clip.file)} is not the file that {packed.MANIFEST} lists (its SHA-256 differs)"
        )
    try:
        facts = probe(path)
    except ClipInvalid as error:
        said = (
            str(error)
            .removesuffix(".")
            .replace(path.name, packed.shown(clip.file))
            .replace("; fetch it again", "")
        )
        raise Fault(said) from None
    return Unpacked(clip, path, facts, told)


def _small(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """Read a small file whole, and no more of it than was said."""
    with archive.open(info) as stream:
        data = stream.read(most + 1)
    if len(data) != info.file_size:
        raise Fault(f"{packed.shown(info.orig_filename)} has another size than it says")
    return data


def _recipe_name(name: str) -> str:
    return name.removesuffix(".mp4") + ".json"


def _short(error: BaseException) -> str:
    """Give an error in a few words; what an archive says of itself is not obeyed."""
    return packed.shown(str(error).splitlines()[0] if str(error) else type(error).__name__).strip("'\"")
