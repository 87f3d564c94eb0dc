"""What a person thinks of clips: stars, notes, votes, and the order these make.

In comes a session and whatever names clips (a batch, a job, a DataFrame, a name, an id); out go rows that were written,
a ballot to vote with, a ranking, or the history with what was measured. No page and no widget: those come on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.ballot import Ballot
from hailuo_nb.analysis.ranking import ranking
from hailuo_nb.errors import ClipInvalid, DownloadFailed, HailuoError, InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.media import measures
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.sheet import Sheet, sheet

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.session.session import Session

NOTHING = "There are no clips here yet; run a %%hailuo cell first."


def clips_of(session: Session, what: object = None) -> list[ClipRow]:
    """Find the clips that something names.

    Parameters
    ----------
    session : Session
        Whose ledger.
    what : object
        A batch, a job, a ballot, a DataFrame with a column ``id``, the id or name of clips, or several of these; all
        clips of the ledger when not given.

    Raises
    ------
    InvalidRequest
        It is none of these, or names no clip.
    """
    if not session.has_ledger():
        raise InvalidRequest(NOTHING)
    if what is None:
        return session.ledger.rows()
    ids = list(dict.fromkeys(_ids(session, what)))
    rows = {row.id: row for row in session.ledger.rows(ids)}
    missing = [clip_id for clip_id in ids if clip_id not in rows]
    if missing or not ids:
        which = f"no clip {missing[0][:40]!r}" if missing else "no clips in that"
        raise InvalidRequest(f"There is {which}; %hailuo history lists what there is.")
    return [rows[clip_id] for clip_id in ids]


def rate(
    session: Session,
    what: object,
    rating: int | EllipsisType | None = ...,
    note: str | EllipsisType | None = ...,
) -> list[Job]:
    """Give clips stars and a note; on disk when this returns.

    Raises
    ------
    InvalidRequest
        Neither is given, it is no rating, or nothing is named.
    """
    if rating is ... and note is ...:
        raise InvalidRequest("Say what to write: a rating from 0 (a reject) to 5, or a note.")
    if what is None:
        raise InvalidRequest("Say which clip: an id, a name, a job or a batch.")
    jobs = [session.runner(row.service).take(row) for row in clips_of(session, what)]
    for job in jobs:
        job.rate(rating, note=note)
    return jobs


def rank(session: Session, what: object = None, by: str = "variant", *, seed: int = 0) -> DataFrame:
    """Rank clips, variants or the values of an axis by the votes; see `hailuo_nb.analysis.ranking.ranking`."""
    return ranking(session.ledger, clips_of(session, what), by, seed=seed)


def ballot(
    session: Session,
    what: object = None,
    by: str = "clip",
    *,
    across: bool = False,
    seed: int | None = None,
    votes: int | None = None,
) -> Ballot:
    """Go on with the ballot on these clips, or begin one; see `hailuo_nb.analysis.ballot.Ballot.open`."""
    done = [row for row in clips_of(session, what) if row.status == "completed" and row.path]
    return Ballot.open(session.ledger, done, by=by, across=across, seed=seed, votes=votes)


def sheet_of(session: Session, what: object = None, **options: Any) -> Sheet:
    """Put clips on one contact sheet; see `hailuo_nb.session.sheet.sheet`."""
    if isinstance(what, Batch):
        return sheet(session, what.jobs, **options)
    rows = clips_of(session, what)
    return sheet(session, [session.runner(row.service).take(row) for row in rows], **options)


def path_of(session: Session, clip_id: str) -> Path:
    """Give the file of a clip, for whoever shows a pair of a ballot.

    Raises
    ------
    DownloadFailed
        It is not on disk any more.
    """
    row = session.ledger.row(clip_id)
    path = session.runner(row.service).take(row).planned_path
    if row.status != "completed" or not path.is_file():
        raise DownloadFailed(
            f"{path.name} is not on disk any more. %hailuo resume {row.id} fetches it again."
        )
    return path


def measure(session: Session, what: object = None) -> list[str]:
    """Measure the finished clips that were not yet, and wait for it; about half a second each.

    Returns
    -------
    list of str
        A line for each clip that could not be measured.
    """
    ids = None if what is None else [row.id for row in clips_of(session, what)]
    faults = []
    for row in session.ledger.unmeasured(measures.VERSION, ids) if session.has_ledger() else []:
        try:
            image = _picture(session, row)
            made = session.work("measure", path=str(path_of(session, row.id)), image=image)
        except (ClipInvalid, DownloadFailed) as error:
            faults.append(str(error))
        else:
            session.ledger.set_measures(row.id, made["measures"], version=made["version"])
    return faults


def with_measures(session: Session, read: Callable[[], DataFrame]) -> DataFrame:
    """Read a history, measure what was not measured of its finished clips, and read it again.

    Returns
    -------
    pandas.DataFrame
        With a column ``m.<name>`` of each measure; ``attrs["unmeasured"]`` says which clips could not be, and why.
    """
    import pandas as pd

    ids = read()["id"].tolist()
    faults = measure(session, ids) if ids else []
    frame = read()
    for name in measures.MEASURES:
        if f"m.{name}" not in frame:
            frame[f"m.{name}"] = pd.array([pd.NA] * len(frame), dtype="Float64")
    frame.attrs["unmeasured"] = faults
    return frame


def _picture(session: Session, row: ClipRow) -> str | None:
    """Find the picture a clip started from, where it is the frame of a clip that is here; else nobody kept it."""
    for stored in row.inputs.values():
        if not isinstance(stored, dict) or "clip" not in stored or "at" not in stored:
            continue
        path = session.clip_path(str(stored["clip"]))
        if path is None:
            return None
        with suppress(HailuoError, ValueError):
            at = None if stored["at"] == "last" else float(stored["at"])
            frame: str = session.work("frame", path=str(path), at=at)["frame"]
            return frame
    return None


def _ids(session: Session, what: object) -> Sequence[str]:
    """List the ids of clips that something names."""
    if isinstance(what, Batch):
        return [job.id for job in what.jobs]
    if isinstance(what, Job):
        return [what.id]
    if isinstance(what, Ballot):
        return list(session.ledger.ballot(what.id).compared.get("clips", ()))
    if isinstance(what, str):
        named = session.jobs_named(what)
        return [job.id for job in named] or [session.ledger.resolve_id(what)]
    column = _column(what)
    if column is not None:
        return column
    if isinstance(what, Iterable):
        return [clip_id for each in what for clip_id in _ids(session, each)]
    raise InvalidRequest(
        "Clips are named by a batch, a job, a DataFrame with a column id, a name or an id, not by a "
        f"{type(what).__name__}."
    )


def _column(what: Any) -> list[str] | None:
    """Give the column ``id`` of a DataFrame; None for anything else."""
    if not hasattr(what, "columns"):
        return None
    if "id" not in what.columns:
        raise InvalidRequest(
            "That DataFrame has no column id; give one that %hailuo history or batch.df made."
        )
    return [str(each) for each in what["id"]]
