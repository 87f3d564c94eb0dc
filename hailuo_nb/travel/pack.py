"""Writes a pack: clips, their recipes, ledger rows and votes in one zip that anybody may have.

In come finished rows with their files, and the ballots they stand in; out goes a file in which there is no key, no home
path and no signed address. The same clips make the same bytes, wherever and whenever they are packed. Next:
`hailuo_nb.travel.unpack`, on somebody else's machine.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import BallotRow, ClipRow, VoteRow
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import sha256_of
from hailuo_nb.travel import packed, private

# The first moment that a zip can hold; a real one would make two packs of the same clips differ.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20
_LETTER_TEXT = """A pack of hailuo_nb: clips with the prompts, costs and votes that belong to them.

In a notebook:   %hailuo import FILE.zip
In Python:       import hailuo_nb as hn; hn.import_pack("FILE.zip")

Nothing is sent or paid by that. clips/ plays anywhere; the JSON beside each clip says how it was made.
"""


@dataclass(frozen=True)
class Source:
    """One clip to pack.

    Attributes
    ----------
    row : ClipRow
        Its row; completed.
    path : Path
        Its file.
    recipe : dict
        What stands beside it.
    """

    row: ClipRow
    path: Path
    recipe: dict[str, Any]


@dataclass
class Written:
    """What became of it: the file, how many clips are in it, and a line for each that is not."""

    path: Path
    clips: int = 0
    bytes: int = 0
    votes: int = 0
    left_out: list[str] = field(default_factory=list)


def write(
    path: Path,
    sources: Sequence[Source],
    ballots: Sequence[tuple[BallotRow, Sequence[VoteRow]]] = (),
    *,
    keys: Sequence[str] = (),
) -> Written:
    """Write a pack, whole or not at all.

    Parameters
    ----------
    path : Path
        The zip. A pack that was written there before is written anew; no other file is ever written over.
    sources : sequence of Source
        The clips.
    ballots : sequence
        Sessions of voting, each with its votes; those between packed clips go along.
    keys : sequence of str
        Keys that are known here, to be looked for.

    Raises
    ------
    InvalidRequest
        There is nothing to pack, or something else stands there.
    """
    if os.path.lexists(path) and not is_pack(path):
        raise InvalidRequest(
            f"{path.name} is there already and is no pack, so it stays; choose another name."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Written(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="hailuo-pack-") as folder, part.open("w+b") as file:
            _write_into(file, Path(folder), written, sources, ballots, keys)
            file.flush()
            os.fsync(file.fileno())
        if not written.clips:
            raise InvalidRequest(
                "There is nothing to pack: " + "; ".join(written.left_out or ["no clip is here"])
            )
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    written.bytes = path.stat().st_size
    return written


def is_pack(path: Path) -> bool:
    """Tell whether a file is a pack, by what is in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return packed.MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def _write_into(
    file: IO[bytes],
    folder: Path,
    written: Written,
    sources: Sequence[Source],
    ballots: Sequence[tuple[BallotRow, Sequence[VoteRow]]],
    secrets: Sequence[str],
) -> None:
    """Write manifest, clips and recipes, in the order in which the clips were made, however they were named."""
    entries: list[dict[str, Any]] = []
    members: list[tuple[str, Path, bytes]] = []
    keys: dict[str, str] = {}
    names: set[str] = set()
    for source in sorted(sources, key=lambda each: (each.row.created_utc, each.row.seq)):
        if len(entries) == packed.MOST_CLIPS:
            raise InvalidRequest(f"A pack holds {packed.MOST_CLIPS:,} clips at the most; name fewer of them.")
        name = _name(source.path, names)
        try:
            entry, clean_path, text = _prepared(source, name, folder, secrets)
        except packed.Fault as fault:
            written.left_out.append(f"{source.row.id}: {fault}")
            continue
        names.add(name)
        entries.append(entry)
        members.append((name, clean_path, text))
        keys[source.row.id] = packed.clip_of(entry).clip.key
    told = [told for row, votes in sorted(ballots, key=lambda each: each[0].id)
            if (told := packed.plain_ballot(row, votes, keys)) is not None]  # fmt: skip
    told = [_without(each, secrets) for each in told]
    manifest = {"format": packed.FORMAT, "version": packed.VERSION, "clips": entries, "ballots": told}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_info(packed.MANIFEST), _json(manifest))
        archive.writestr(_info(packed.LETTER), _LETTER_TEXT)
        for name, clip, text in members:
            with (
                clip.open("rb") as stream,
                archive.open(_info(packed.CLIPS + name, clip.stat().st_size), "w") as to,
            ):
                shutil.copyfileobj(stream, to, _CHUNK)
            archive.writestr(_info(packed.CLIPS + name.removesuffix(".mp4") + ".json"), text)
    written.clips, written.votes = len(entries), sum(len(each["votes"]) for each in told)


def _prepared(
    source: Source, name: str, folder: Path, secrets: Sequence[str]
) -> tuple[dict[str, Any], Path, bytes]:
    """Give the entry, the file and the recipe of a clip as they may be passed on."""
    path = _clean_file(source.path, folder / name, secrets)
    entry = _without(packed.plain_clip(source.row, name, sha256_of(path), path.stat().st_size), secrets)
    packed.clip_of(entry)  # what the reader would refuse is not written
    told = _without(source.recipe, secrets)
    if "sha256" in told:
        told["sha256"] = entry["sha256"]
    return entry, path, _json(told)


def _clean_file(path: Path, copy: Path, secrets: Sequence[str]) -> Path:
    """Give the clip's file, or a copy whose recipe tells nothing private; the pictures are the same."""
    told = recipe.read(path)
    clean = None if told is None else _without(told, secrets)
    if clean != told:
        shutil.copyfile(path, copy)
        assert clean is not None
        if not recipe.write(copy, clean):
            raise packed.Fault("its file holds something private and takes no other recipe")
        path = copy
    if any(_is_in(path, each) for each in _plain_secrets(secrets)):
        raise packed.Fault("its file holds something private")
    return path


def _plain_secrets(secrets: Sequence[str]) -> Iterator[bytes]:
    """Give what may stand nowhere in a file, as bytes."""
    for each in (*secrets, *private.own_homes()):
        if len(each) >= 8:
            yield each.encode("utf-8", "replace")


def _is_in(path: Path, sought: bytes) -> bool:
    """Look for bytes in a file of any size."""
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if sought in tail + chunk:
                return True
            tail = chunk[-len(sought) :]
    return False


def _without(value: Any, secrets: Sequence[str]) -> Any:
    """Give plain data without anything private, keys of mappings included."""
    if isinstance(value, str):
        return private.without(value, secrets)
    if isinstance(value, dict):
        return {_without(key, secrets): _without(each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without(each, secrets) for each in value]
    return value


def _name(path: Path, names: set[str]) -> str:
    """Give the clip's file name in the pack: its own where that is one of ours and free."""
    stem = (
        "".join(c if c.isascii() and c.isalnum() else "-" for c in path.stem.lower()).strip("-")[:120]
        or "clip"
    )
    stem = f"clip-{stem}" if packed.is_device(stem) else stem
    name, number = f"{stem}.mp4", 2
    while name in names:
        name, number = f"{stem}-{number}.mp4", number + 1
    return name


def _info(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _MOMENT)
    info.external_attr = 0o100644 << 16
    info.create_system = 3
    info.file_size = size
    return info


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace")
