"""A clip made again from its file, or shown where it is there already.

In comes a file with a recipe in it or beside it, a recipe, or a clip of this ledger; out goes a batch of one, under all
limits of a cell. A site may have stripped the recipe: then the clip is looked for by what it shows. What is only alike
is never a reason to send anything: it is shown if it is here, with how sure that is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import ClipInvalid, HailuoError, InvalidRequest, UnknownVariant
from hailuo_nb.jobs.files import inside
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.recipes import named_by, recipe_of
from hailuo_nb.ledger.rows import ClipRow, NewClip, short_id
from hailuo_nb.media import image as pictures_of
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import named, sha256_of
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.keeping import FOLDER
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.pictures import VIDEO_ENDINGS, picture
from hailuo_nb.session.plan import Asked
from hailuo_nb.session.promoting import promoted
from hailuo_nb.session.takes import same_take
from hailuo_nb.travel import packed

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["read_recipe", "rerun"]

# Measured: encoded anew, smaller and coarse, 0.999; another take of the same words up to 0.981.
SURELY_ALIKE, SURELY_AHEAD = 0.985, 0.008
HARDLY_ALIKE = 0.9
MOST_COMPARED = 300
AT_ONCE = 50
SAME_LENGTH_S = 0.6
PICTURE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}
)
MOST_PICTURES = 500


@dataclass(frozen=True)
class Told:
    """What is known of a file.

    Attributes
    ----------
    recipe : dict
        How its clip was made.
    note : str
        How that was found out, where the file does not say it itself.
    is_guess : bool
        It is alike, and that is all.
    """

    recipe: dict[str, Any]
    note: str = ""
    is_guess: bool = False


def rerun(session: Session, what: object, terms: Terms, *, image: object = None) -> Batch:
    """Make a clip again: shown for nothing where it is here, else a new clip under all limits.

    Parameters
    ----------
    session : Session
        Makes it.
    what : path, Job, Batch of one, or str
        A clip's file, a recipe's ``.json``, or a clip of this ledger by its handle, name or id.
    terms : Terms
        Under which limits.
    image : object, optional
        The picture to start from, where the recipe's own is not here.

    Raises
    ------
    InvalidRequest
        It has no recipe and is no clip of this ledger, or its picture is not here.
    LimitReached
        Above a limit; nothing is sent.
    """
    file = _file_of(session, what)
    if file is None:
        job = _job_of(session, what)
        return _shown(session, job, terms, "")
    told = _told(session, file)
    if told is None:
        raise InvalidRequest(
            f"{named(file)} holds no recipe, has none beside it, and is no clip of this ledger; write its prompt anew, "
            "or take the file that was downloaded first."
        )
    row = _row_of(session, told.recipe)
    if row is not None:
        job = session.runner(row.service).take(row)
        if told.is_guess:  # it was found among the clips on disk, so that nothing is to be sent
            return _with_notes(session.batch_of([job], is_headless=terms.is_headless), told.note)
        if image is None:
            return _shown(session, job, terms, told.note)
    return _made(session, file, told, terms, image)


def read_recipe(session: Session, path: Path) -> dict[str, Any] | None:
    """Give the recipe of a file: from inside it, from beside it, or of the clip here that it is or surely looks like.

    Returns
    -------
    dict or None
        With ``found_by`` where the file does not say it itself.
    """
    with suppress(InvalidRequest):
        told = _told(session, Path(session.folder / path.expanduser()))
        if told is not None:
            return told.recipe | ({"found_by": told.note} if told.note else {})
    return None


# What a file says, or shows


def _told(session: Session, file: Path) -> Told | None:
    """Find out how the clip in a file was made; None where nothing tells."""
    if file.suffix.lower() == ".json":
        found = recipe.beside(file)
        if found is None:
            raise InvalidRequest(f"{named(file)} is no recipe; take the .json that stands beside a clip.")
        return Told(found)
    if not file.is_file():
        raise InvalidRequest(f"There is no clip {named(file)}; the path counts from the notebook's folder.")
    found = recipe.read(file)
    if found is not None and "film" in found:
        raise InvalidRequest(
            f"{named(file)} is a film of {len(found.get('parts', ()))} clips; rerun those, as it was joined from."
        )
    if found is not None and "inputs" in found:
        return Told(found)
    found = recipe.beside(file)
    return Told(found) if found is not None and "inputs" in found else _by_content(session, file)


def _by_content(session: Session, file: Path) -> Told | None:
    """Find the clip of this ledger that a file without a recipe is, from the surest way to the least sure."""
    if not session.has_ledger():
        return None
    digest = sha256_of(file)
    rows = session.ledger.rows(sha256=digest, limit=1)
    if rows:
        return _known(rows[0], f"{named(file)} is the file of clip {rows[0].id}.")
    candidates = _candidates(session, file)
    same = _same_pictures(session, file, candidates)
    if same is not None:
        return _known(
            same, f"{named(file)} has lost its recipe; it holds the very pictures of clip {same.id}."
        )
    return _alike(session, file, candidates)


def _known(row: ClipRow, note: str) -> Told:
    return Told(recipe_of(row, row.finished_utc or row.created_utc), note)


def _candidates(session: Session, file: Path) -> list[tuple[ClipRow, Path]]:
    """List the clips on disk that could be the same: of about the same length, the newest first."""
    try:
        length = float(session.work("probe", path=str(file))["facts"]["duration_s"])
    except ClipInvalid as error:
        raise InvalidRequest(str(error).replace("; fetch it again", "")) from None
    found: list[tuple[ClipRow, Path]] = []
    for row in session.ledger.rows(statuses={"completed"}, newest_first=True):
        stored = inside(row.path)
        path = session.folder / stored if stored else None
        if path is not None and abs((row.duration_s or length) - length) <= SAME_LENGTH_S and path.is_file():
            found.append((row, path))
    return found


def _same_pictures(
    session: Session, file: Path, candidates: Sequence[tuple[ClipRow, Path]]
) -> ClipRow | None:
    """Find the clip whose encoded pictures are these, byte for byte."""
    for start in range(0, len(candidates), AT_ONCE):
        part = candidates[start : start + AT_ONCE]
        found = session.work("same", path=str(file), others=[str(path) for _, path in part])["same"]
        if found is not None:
            return part[int(found)][0]
    return None


def _alike(session: Session, file: Path, candidates: Sequence[tuple[ClipRow, Path]]) -> Told | None:
    """Find the clip that shows the same, and say how sure that is; None where none is near."""
    ranked: list[tuple[float, ClipRow]] = []
    for start in range(0, min(len(candidates), MOST_COMPARED), AT_ONCE):
        part = candidates[start : start + AT_ONCE]
        found = session.work("alike", path=str(file), others=[str(path) for _, path in part])["alike"]
        ranked += [(float(share), part[int(number)][0]) for number, share in found]
    ranked.sort(key=lambda each: -each[0])
    if not ranked or ranked[0][0] < HARDLY_ALIKE:
        return None
    (best, row), second = ranked[0], ranked[1] if len(ranked) > 1 else None
    next_best = f"; the next, {second[1].id}, to {second[0]:.1%}" if second else ""
    said = f"the pictures of {named(file)} are those of clip {row.id} to {best:.1%}{next_best}"
    if best < SURELY_ALIKE or (second is not None and second[0] > best - SURELY_AHEAD):
        raise InvalidRequest(
            f"No recipe, and too little to go by: {said}. If that is the one, %hailuo rerun {row.id} shows it."
        )
    return replace(_known(row, f"Recognised, not read: {said}. Nothing was sent."), is_guess=True)


# From a recipe to its clip


def _shown(session: Session, job: Job, terms: Terms, note: str) -> Batch:
    """Show a clip of this ledger, or carry it on, or make it where nothing was accepted for it."""
    made = same_take(session, job, terms)
    return _with_notes(session.batch_of([made], is_headless=terms.is_headless), note)


def _made(session: Session, file: Path, told: Told, terms: Terms, image: object) -> Batch:
    """Ask for what a recipe says, as a cell would."""
    try:
        new = packed.asked_in(told.recipe)
    except packed.Fault as fault:
        raise InvalidRequest(f"The recipe of {named(file)} cannot be followed: {fault}.") from None
    variant = _variant(session, new, may_ask=not terms.offline)
    if image is not None:  # whatever the recipe's own was
        kept = {name: value for name, value in new.inputs.items() if name != "image"}
        asked, left = promoted(session, _as_row(replace(new, inputs=kept)), variant)
        asked = replace(asked, image=picture(image, session.folder))
    else:
        asked, left = _followed(session, file, new, variant)
    asked = _with_pictures(session, file, replace(asked, take=new.take))
    batch = session.make(asked, name=new.name, tags=new.tags, cell=session.where(), terms=terms)
    made = batch[0]
    notes = [told.note, *left]
    if made.service != new.service:
        notes.append(f"{named(file)} was made by {new.service}; this one is by {made.service}.")
    if made.row.request_hash != new.request_hash and image is None:
        notes.append(
            f"{variant.name} takes other inputs than when {named(file)} was made, so this is a new request."
        )
    return _with_notes(batch, *notes)


def _followed(session: Session, file: Path, new: NewClip, variant: Variant) -> tuple[Asked, tuple[str, ...]]:
    """Read a recipe as a row is read; of an address with a signature only the rest was kept."""
    try:
        return promoted(session, _as_row(new), variant)
    except InvalidRequest:
        if not any(isinstance(value, Mapping) and "url_sha256" in value for value in new.inputs.values()):
            raise
    raise InvalidRequest(
        f"{named(file)} starts from a picture whose address was signed, and signatures are not kept: give it again "
        "with --image (image= in Python)."
    )


def _variant(session: Session, new: NewClip, *, may_ask: bool) -> Variant:
    """Give the variant of a recipe: by its short name while that still is the same model."""
    try:
        found = session.variant(new.variant, may_ask=may_ask)
    except UnknownVariant:
        found = None
    return found if found is not None and found.model_id == new.model_id else session.variant(
        new.model_id, may_ask=may_ask
    )  # fmt: skip


def _with_pictures(session: Session, file: Path, asked: Asked) -> Asked:
    """Find the pictures that a recipe names, and refuse before anything is written where one is not here."""
    image = None if asked.image is None else _found(session, file, asked.image)
    inputs = {
        name: _found(session, file, value) if isinstance(value, ImageRef) else value
        for name, value in asked.inputs.items()
    }
    return replace(asked, image=image, inputs=inputs)


def _found(session: Session, file: Path, ref: ImageRef) -> ImageRef:
    """Give a picture as it can be sent."""
    if ref.url or ref.data or ref.uploaded:
        return ref
    known = dict(ref.identity)
    if ref.kind == "frame" and _is_clip_here(session, str(known.get("clip"))):
        return ref
    digest = known.get("sha256")
    for path in _pictures_near(session, file, ref.label) if isinstance(digest, str) else ():
        with suppress(OSError, HailuoError):
            if sha256_of(path) == digest:
                fit = known.get("fit")
                return replace(
                    pictures_of.from_path(path, fit if isinstance(fit, str) else None), label=ref.label
                )
    if ref.kind == "frame":
        raise InvalidRequest(
            f"{named(file)} starts from a frame of a clip that is not in this ledger ({named(Path(ref.label))}): "
            "import the pack that has it, or give the picture with --image (image= in Python)."
        )
    which = f" (SHA-256 {digest[:12]}…)" if isinstance(digest, str) else ""
    raise InvalidRequest(
        f"{named(file)} starts from {named(Path(ref.label))}{which}, which is not here: put it beside the notebook, "
        "or give it with --image (image= in Python)."
    )


def _is_clip_here(session: Session, identity: str) -> bool:
    """Tell whether the clip that a frame is of stands in this ledger, that very attempt of it."""
    wanted = named_by(identity)
    if wanted is None or not session.has_ledger():
        return False
    service, request_hash, take, attempt = wanted
    rows = session.ledger.rows(request_hash=request_hash, service=service)
    return any((row.take, row.attempt) == (take, attempt) for row in rows)


def _pictures_near(session: Session, file: Path, label: str) -> Iterator[Path]:
    """Give the picture files where one would lie: first of the name that the recipe says, then any."""
    folders = dict.fromkeys([session.folder, file.parent, session.folder / session.home() / FOLDER])
    name = Path(label).name
    yield from (folder / name for folder in folders if name and (folder / name).is_file())
    left = MOST_PICTURES
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if left and path.suffix.lower() in PICTURE_ENDINGS and path.is_file():
                left -= 1
                yield path


def _row_of(session: Session, told: Mapping[str, Any]) -> ClipRow | None:
    """Find the clip of a recipe in this ledger, by the identity that it says."""
    wanted = named_by(told.get("clip"))
    if wanted is None or not session.has_ledger():
        return None
    return session.ledger.find([wanted[:3]])[0]


def _as_row(new: NewClip) -> ClipRow:
    """Give a recipe in the shape of a row, for what reads rows; it is in no ledger."""
    fields: dict[str, Any] = dict.fromkeys(ClipRow.__dataclass_fields__)
    names = (
        "service",
        "request_hash",
        "take",
        "variant",
        "model_id",
        "prompt",
        "axes",
        "inputs",
        "name",
        "tags",
    )
    fields |= {name: getattr(new, name) for name in names}
    return ClipRow(**fields | {"id": short_id(*new.identity, 1), "attempt": 1, "more_paths": ()})


# What is meant


def _file_of(session: Session, what: object) -> Path | None:
    """Give the file that is meant; None for a clip of the ledger."""
    if isinstance(what, str) and not what.lower().endswith((".json", *VIDEO_ENDINGS)):
        return None
    if isinstance(what, str | os.PathLike):
        return session.folder / Path(os.fspath(what)).expanduser()
    return None


def _job_of(session: Session, what: object) -> Job:
    """Give the one clip that is meant."""
    if isinstance(what, Job):
        return what
    if isinstance(what, Batch):
        jobs = list(what.jobs)
    elif isinstance(what, str) and session.has_ledger():
        jobs = session.jobs_named(what) or [session.job(what)]
    elif isinstance(what, str):
        raise InvalidRequest(
            "There are no clips here yet; run a %%hailuo cell first, or name an .mp4 or a .json."
        )
    else:
        raise InvalidRequest(
            f"A clip is made again from a file, a name, an id or a job, not a {type(what).__name__}."
        )
    if len(jobs) != 1:
        raise InvalidRequest(f"That is {len(jobs)} clips; name one by its id, as %hailuo jobs shows it.")
    return jobs[0]


def _with_notes(batch: Batch, *notes: str) -> Batch:
    return replace(batch, notes=(*batch.notes, *filter(None, notes)))
