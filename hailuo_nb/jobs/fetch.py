"""From `downloading` to `completed`: the file.

In comes a job whose clip is ready at the service; out it goes with a file that is whole, plays, carries its recipe and
has its final name. Until then it is tried again with growing pauses for as long as the service keeps the clip: it
is paid for. Everything heavy happens in the worker process, so that the kernel stays free.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.jobs import files
from hailuo_nb.jobs.desk import KEPT_DAYS, Desk, kept_until
from hailuo_nb.jobs.follow import OTHER_KEY, is_foreign, take_in
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.recipes import recipe_of
from hailuo_nb.ledger.faults import PathTaken

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

FACTS = ("bytes", "width", "height", "fps", "duration_s", "codec", "frames", "has_audio")
TROUBLE = (errors.DownloadFailed, errors.ServiceError, errors.SetupError, OSError)
# A further output that does not come must not keep the clip itself from being complete.
TRIES_FOR_MORE = 3
GONE = frozenset({403, 404, 410})


async def fetch(desk: Desk, job: Job) -> None:
    """Bring the file home; returns when the job is completed, or the service no longer has the clip."""
    failures = 0
    taken: set[str] = set()
    while job.status == "downloading":
        try:
            await _fetch_once(desk, job, taken, failures)
        except TROUBLE as error:
            failures += 1
            job.outputs = ()
            await desk.revive(error)
            if await _is_gone(desk, job, error):
                return
            text = _in_words(desk, job, error)
            if text != job.row.error:
                await desk.note(job, error=text)
            await desk.nap(job, back_off_s(failures, getattr(error, "retry_after", None)))


async def _fetch_once(desk: Desk, job: Job, taken: set[str], failures: int) -> None:
    """Download, look at it, give it its name and write it down."""
    here = await desk.disk(_file_here, desk, job, taken)
    if here is not None:
        # The kernel died between naming the file and writing that down.
        try:
            made = await desk.work("finish", path=str(desk.folder / here), recipe=None)
        except errors.ClipInvalid:
            taken.add(here)
        else:
            if not job.outputs:
                with suppress(errors.ServiceError, errors.SetupError):
                    job.outputs = (await (await desk.client()).result(str(job.prediction_id))).outputs
            await _complete(desk, job, here, made, failures)
            return
    whole = _part_of(desk, job)
    part = whole.with_name(whole.name + ".part")
    await desk.disk(whole.parent.mkdir, parents=True, exist_ok=True)
    client = await desk.client()
    url = job.outputs[0] if job.outputs else await _fresh_url(desk, client, job)
    if url is None:
        return
    await client.download(url, whole)
    try:
        made = await desk.work("finish", path=str(part), recipe=recipe_of(job.row, desk.now()))
    except errors.ClipInvalid:
        await desk.disk(part.unlink, missing_ok=True)
        raise
    await _name_it(desk, job, part, made, taken, failures)


async def _name_it(
    desk: Desk, job: Job, part: Path, made: dict[str, Any], taken: set[str], failures: int
) -> None:
    """Give the finished file a name that no other file or clip has, recipe first, and write it down."""
    while True:
        file = await desk.disk(_free_name, desk, job, taken)
        final = desk.folder / file
        await desk.disk(files.write_text, final.with_suffix(".json"), _recipe_text(desk, job, made))
        try:
            await desk.disk(files.put_in_place, part, final)
            await _complete(desk, job, file, made, failures)
        except FileExistsError:
            taken.add(file)
        except PathTaken:
            # A clip whose file has gone from the disk still has the name in the ledger.
            taken.add(file)
            await desk.disk(files.take_back, final, part)
        else:
            return


def _file_here(desk: Desk, job: Job, taken: set[str]) -> str | None:
    """Give the file of this very clip, if it is on disk under one of its names."""
    for file in _names(desk, job):
        if not (desk.folder / file).exists():
            return None
        if file not in taken and files.is_of(desk.folder / file, job.prediction_id):
            return file
    return None


def _free_name(desk: Desk, job: Job, taken: set[str]) -> str:
    """Give the first name that nothing has; the card points there from now on."""
    for file in _names(desk, job):
        if file not in taken and files.is_free(desk.folder / file, job.prediction_id):
            job.file = file
            return file
    raise AssertionError("unreachable: there is always one more name")


def _names(desk: Desk, job: Job) -> Iterator[str]:
    """Give the names to try, without end: the one it had before, then those its words and hash make."""
    before = files.inside(job.row.path)
    if before:
        yield before
    for name in files.names_for(job.row):
        yield f"{desk.clips}/{name}"


def _part_of(desk: Desk, job: Job) -> Path:
    """Give the path that is downloaded to: by the clip's id, since two attempts want the same name."""
    stem = files.clip_file(job.row).removesuffix(".mp4")
    return desk.folder / desk.clips / f"{stem}.{job.id}.mp4"


async def _complete(desk: Desk, job: Job, file: str, made: dict[str, Any], failures: int) -> None:
    more = await _further_outputs(desk, job, file, failures)
    facts = made["facts"]
    await desk.move(
        job,
        "completed",
        detail="saved",
        marks={"poster": base64.b64decode(made["poster"]), "note": "", "outputs": ()},
        error=None,
        path=file,
        more_paths=more,
        sha256=made["sha256"],
        **{name: facts[name] for name in FACTS},
    )


async def _fresh_url(desk: Desk, client: Client, job: Job) -> str | None:
    """Ask again where the file is: stored addresses have no signature. None where it came to nothing."""
    try:
        prediction = await client.result(str(job.prediction_id))
    except (errors.NotFound, errors.AccessDenied) as error:
        if is_foreign(desk, job, error):
            # Files need no key; the stored address is enough where it had no signature.
            if job.url:
                return job.url
            raise errors.DownloadFailed(OTHER_KEY) from None
        raise
    if prediction.is_final and prediction.status != "completed":
        await take_in(desk, job, prediction)
        return None
    if not prediction.outputs:
        raise errors.DownloadFailed(
            "The service says that the clip is complete and does not say where it is."
        )
    job.outputs = prediction.outputs
    if job.url is None:
        await desk.note(job, url=prediction.outputs[0])
    return prediction.outputs[0]


async def _further_outputs(desk: Desk, job: Job, file: str, failures: int) -> tuple[str, ...]:
    """Keep what else the model made, as ``-o2``, ``-o3``."""
    kept = []
    final = desk.folder / file
    for number, url in enumerate(job.outputs[1:], start=2):
        path = final.with_name(f"{final.stem}-o{number}{final.suffix}")
        part = path.with_name(path.name + ".part")
        try:
            if not await desk.disk(path.exists):
                await (await desk.client()).download(url, path)
                await desk.work("probe", path=str(part))
                await desk.disk(files.put_in_place, part, path)
        except errors.ClipInvalid:
            await desk.disk(part.unlink, missing_ok=True)
        except TROUBLE:
            if failures < TRIES_FOR_MORE:
                raise
        else:
            kept.append(file.removesuffix(final.name) + path.name)
    return tuple(kept)


def _recipe_text(desk: Desk, job: Job, made: dict[str, Any]) -> str:
    recipe = recipe_of(job.row, desk.now()) | {"facts": made["facts"], "sha256": made["sha256"]}
    return json.dumps(recipe, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


async def _is_gone(desk: Desk, job: Job, error: BaseException) -> bool:
    """End a job whose clip the service no longer keeps: its time is over, and the service says that it is gone."""
    from hailuo_nb.wavespeed.download import FileRefused

    is_told = isinstance(error, errors.NotFound) or (
        isinstance(error, FileRefused) and error.status_code in GONE
    )
    if not is_told or desk.is_other_key(job.row) or desk.now() < kept_until(job.row):
        return False
    text = f"The service kept clip {job.id} for {KEPT_DAYS} days and no longer has it; it was billed."
    await desk.move(job, "failed", detail=text, error=text, error_kind="DownloadFailed", was_accepted=True)
    with suppress(OSError):
        whole = _part_of(desk, job)
        await desk.disk(whole.with_name(whole.name + ".part").unlink, missing_ok=True)
    return True


def _in_words(desk: Desk, job: Job, error: BaseException) -> str:
    """Say in one line what is in the way, without the machine's own paths, and how much time is left."""
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        text = f"The clip is ready and cannot be saved yet: {reason}. It is tried again."
    else:
        text = f"{error} The clip is paid for and is fetched again."
    until = kept_until(job.row)
    if timedelta(0) < until - desk.now() < timedelta(days=2):
        text += f" The service keeps it until {until:%d %b %H:%M} UTC."
    return text
