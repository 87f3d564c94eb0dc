"""Clips that leave this ledger in a pack, and clips of somebody else that come in.

In come a session and whatever names clips, or the file of a pack; out go the file that was written, or a batch that
shows what was taken in. Nothing is sent, fetched or paid either way. A pack is taken in whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.jobs import files
from hailuo_nb.jobs.fetch import FACTS
from hailuo_nb.jobs.recipes import recipe_of
from hailuo_nb.ledger.importing import TakenIn
from hailuo_nb.ledger.rows import BallotRow, ClipRow, NewBatch, VoteRow
from hailuo_nb.ledger.store import COPY
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import named, sha256_of
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.judging import clips_of
from hailuo_nb.session.reporting import write_rows
from hailuo_nb.travel import pack, unpack
from hailuo_nb.travel.unpack import Unpacked

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["Exported", "export", "import_pack", "rows_named"]

MOST_BALLOTS = 10_000
MOST_NAMED = 5
STALE_S = 24 * 3600.0


@dataclass(frozen=True, repr=False)
class Exported(os.PathLike[str]):
    """A file to pass on; it can be given wherever a path can.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute.
    clips, votes : int
        How many are in it.
    left_out : tuple of str
        A line for each clip that is not, with the reason.
    """

    path: Path
    clips: int = 0
    votes: int = 0
    left_out: tuple[str, ...] = field(default=())

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        votes = f", {_count(self.votes, 'vote')}" if self.votes else ""
        more = len(self.left_out) - MOST_NAMED
        lines = [f"{self.path.name}: {_count(self.clips, 'clip')}{votes}"]
        lines += [f"not in it: {line}" for line in self.left_out[:MOST_NAMED]]
        lines += [f"not in it: {more} more" if more > 0 else ""]
        return "\n".join(filter(None, lines))


def export(session: Session, what: object, path: object, *, embed: str | int | None = None) -> Exported:
    """Write clips into a file to pass on; what is written, its ending says.

    Parameters
    ----------
    session : Session
        Whose clips.
    what : object
        As for `rows_named`.
    path : path
        The file; counts from the notebook's folder.
    embed : str or int, optional
        How much the clips inside a report may take, as ``"20 MB"``.

    Raises
    ------
    InvalidRequest
        Nothing is named, nothing can be written so, or another file stands there.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidRequest(f"Say where to write it, as report.html or pack.zip, not {str(path)[:40]!r}.")
    target = session.folder / Path(os.fspath(path)).expanduser()
    suffix = target.suffix.lower()
    if suffix not in {".html", ".zip"}:
        raise InvalidRequest(
            f"{named(target)} says not what to write; end its name in .html for a report, or in .zip for a pack."
        )
    if suffix == ".zip" and embed is not None:
        raise InvalidRequest("A pack always holds its clips whole: leave out embed.")
    rows = rows_named(session, what)
    if suffix == ".zip":
        return _pack(session, rows, target)
    return Exported(write_rows(session, rows, target, embed=embed), len(rows))


def rows_named(session: Session, what: object = None) -> list[ClipRow]:
    """Find the clips that are meant: also by a tag, where no clip has that name.

    Parameters
    ----------
    session : Session
        Whose ledger.
    what : object
        A batch, a job, a DataFrame with a column ``id``, a name, a tag, an id, or several of these; everything when not
        given.
    """
    if isinstance(what, str) and session.has_ledger() and not session.ledger.rows(name=what, limit=1):
        tagged = session.ledger.rows(tag=what)
        if tagged:
            return tagged
    if isinstance(what, list | tuple) and what:
        return list({row.id: row for each in what for row in rows_named(session, each)}.values())
    return clips_of(session, what)


def import_pack(session: Session, path: str | os.PathLike[str]) -> Batch:
    """Take in the clips of a pack, all or none; nothing is sent, and nothing that is here is changed.

    Raises
    ------
    PackRefused
        In one line, what is wrong with it; nothing was taken in.
    InvalidRequest
        There is no such file, or everything in it stays out.
    LedgerError
        Nothing can be written here.
    """
    source = session.folder / Path(os.fspath(path)).expanduser()
    if not source.is_file():
        raise InvalidRequest(f"There is no pack {named(source)}; the path counts from the notebook's folder.")
    if session.ledger.is_copy:
        raise LedgerError(f"{named(source)} is not taken in: {COPY}")
    clips = f"{session.home()}/clips"
    with _stage(session.folder / clips) as folder:
        found = unpack.read(source, folder, lambda file: _facts(session, file))
        taken = _taken_in(session, clips, source, found)
        by_key = {each.packed.clip.key: each for each in found.clips}
        for key in taken.here:
            _bring_back(session, taken.rows[key], by_key[key])
    notes = _notes(source, taken, by_key)
    if not taken.rows:
        raise InvalidRequest(" ".join(notes))
    jobs = [session.runner(row.service).take(row) for row in taken.rows.values()]
    return replace(session.batch_of(jobs, is_headless=session.is_headless()), notes=notes)


# Out


def _pack(session: Session, rows: Sequence[ClipRow], target: Path) -> Exported:
    """Write a pack of what is finished and here."""
    sources: list[pack.Source] = []
    left_out: list[str] = []
    for row in rows:
        file = files.inside(row.path)
        path = session.folder / file if file else None
        if row.status != "completed":
            left_out.append(f"{row.id} is {row.status}")
        elif path is None or path.is_symlink() or not path.is_file():
            left_out.append(f"{row.id} has no file here")
        else:
            sources.append(pack.Source(row, path, _recipe(row, path)))
    key = session.key()
    keys = (key.value,) if key is not None else ()
    ids = [source.row.id for source in sources]
    written = pack.write(target, sources, _ballots(session, ids), keys=keys)
    return Exported(target, written.clips, written.votes, (*left_out, *written.left_out))


def _ballots(session: Session, ids: Sequence[str]) -> list[tuple[BallotRow, list[VoteRow]]]:
    """Give the votes between these clips, by their ballots."""
    by_ballot: dict[str, list[VoteRow]] = {}
    for vote in session.ledger.votes(clip_ids=ids) if ids else []:
        by_ballot.setdefault(vote.ballot_id, []).append(vote)
    known = {row.id: row for row in session.ledger.ballots(MOST_BALLOTS)} if by_ballot else {}
    return [(known[ballot_id], votes) for ballot_id, votes in by_ballot.items() if ballot_id in known]


def _recipe(row: ClipRow, path: Path) -> dict[str, Any]:
    """Give what stands beside a clip, or in it; or what would."""
    return recipe.beside(path) or recipe.read(path) or recipe_of(row, row.finished_utc or row.created_utc)


# In


@contextmanager
def _stage(clips: Path) -> Iterator[Path]:
    """Give an empty folder on the disk of the clips, and take it away again with what is left in it."""
    folder = clips / f".import-{uuid.uuid4().hex[:12]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LedgerError(f"Nothing was taken in: {clips.name} cannot be written ({reason}).") from None
    for left in clips.glob(".import-*"):  # by a kernel that was killed
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - STALE_S:
                shutil.rmtree(left, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _facts(session: Session, file: Path) -> dict[str, Any]:
    """Measure a clip."""
    facts: dict[str, Any] = session.work("probe", path=str(file))["facts"]
    return facts


def _taken_in(session: Session, clips: str, source: Path, found: unpack.Pack) -> TakenIn:
    """Put files and rows in their places in one transaction; when that fails, the files are taken away again."""
    by_key = {each.packed.clip.key: each for each in found.clips}
    placed: list[Path] = []

    def place(key: str, row: ClipRow, is_claimed: Callable[[str], bool]) -> str:
        return _placed(session.folder, clips, by_key[key], row, is_claimed, placed)

    foreign = [
        replace(
            each.packed.clip,
            columns={**each.packed.clip.columns, **{name: each.facts[name] for name in FACTS}},
        )
        for each in found.clips
    ]
    batch = NewBatch(
        name=source.stem if source.stem.isprintable() else None, options={"imported": source.name}
    )
    try:
        return session.ledger.import_clips(batch, foreign, found.ballots, place)
    except BaseException as error:
        for path in placed:
            for file in (path, path.with_suffix(".json")):
                with suppress(OSError):
                    file.unlink()
        if isinstance(error, OSError):
            reason = error.strerror or type(error).__name__
            raise LedgerError(
                f"Nothing of {named(source)} was taken in: the disk refused ({reason})."
            ) from None
        raise


def _placed(
    folder: Path,
    clips: str,
    clip: Unpacked,
    row: ClipRow,
    is_claimed: Callable[[str], bool],
    placed: list[Path],
) -> str:
    """Give a clip's file a name of ours that nothing else has, and lay its recipe beside it."""
    for name in files.names_for(row):
        file = f"{clips}/{name}"
        target = folder / file
        if is_claimed(file):
            continue
        if target.is_file() and not target.is_symlink() and sha256_of(target) == row.sha256:
            return file  # an import before was killed between the file and its row
        if os.path.lexists(target) or os.path.lexists(target.with_suffix(".json")):
            continue
        try:
            files.put_in_place(clip.path, target)
        except FileExistsError:
            continue
        placed.append(target)
        told = clip.recipe | {"facts": clip.facts, "sha256": row.sha256}
        text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)
        files.write_text(target.with_suffix(".json"), text + "\n")
        return file
    raise AssertionError("unreachable: there is always one more name")


def _bring_back(session: Session, row: ClipRow, clip: Unpacked) -> None:
    """Put the file of a clip that was here before in its place, if it has gone from there."""
    file = files.inside(row.path)
    if file is None or os.path.lexists(session.folder / file):
        return
    with suppress(OSError):
        (session.folder / file).parent.mkdir(parents=True, exist_ok=True)
        files.put_in_place(clip.path, session.folder / file)


def _notes(source: Path, taken: TakenIn, clips: Mapping[str, Unpacked]) -> tuple[str, ...]:
    """Say what became of a pack."""
    said = []
    if taken.new:
        votes = f" and {_count(taken.votes, 'vote')}" if taken.votes else ""
        said.append(
            f"{_count(len(taken.new), 'clip')}{votes} taken in from {named(source)}; nothing was sent or paid."
        )
    elif taken.votes:
        said.append(f"{_count(taken.votes, 'vote')} taken in from {named(source)}; nothing was sent or paid.")
    if taken.here:
        were = "was" if len(taken.here) == 1 else "were"
        said.append(f"{_count(len(taken.here), 'clip')} of {named(source)} {were} here before.")
    if taken.other:
        first = clips[taken.other[0]].packed.file
        stays, are = ("stays", "is") if len(taken.other) == 1 else ("stay", "are")
        said.append(
            f"{_count(len(taken.other), 'clip')} of {named(source)} {stays} out ({first}): there {are} clips of your "
            "own for the same requests and takes, and those are kept."
        )
    return tuple(said) or (f"{named(source)} holds no clip.",)


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
