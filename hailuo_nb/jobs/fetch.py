"""From `downloading` to `completed`: the file.

In comes a job whose clip is ready at the service; out it goes with a file that is whole, plays, carries its recipe and
has its final name. Until then it is tried again with growing pauses for as long as the service keeps the clip: it
is paid for. Everything heavy happens in the worker process, so that the kernel stays free.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from hailuo_nb import errors
from hailuo_nb.jobs import files
from hailuo_nb.jobs.desk import KEPT_DAYS, Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.recipes import recipe_of
from hailuo_nb.media import recipe
from hailuo_nb.wavespeed.client import Client

FACTS = ("bytes", "width", "height", "fps", "duration_s", "codec", "frames", "has_audio")
TROUBLE = (errors.DownloadFailed, errors.ServiceError, errors.SetupError, OSError)


async def fetch(desk: Desk, job: Job) -> None:
    """Bring the file home; returns when the job is completed, or the service no longer has the clip."""
    failures = 0
    while job.status == "downloading":
        try:
            await _fetch_once(desk, job)
        except TROUBLE as error:
            failures += 1
            job.full_url = ""
            if isinstance(error, errors.NotConnected):
                await desk.service.revive()
            if await _is_too_late(desk, job, error):
                return
            text = _in_words(error)
            await desk.note(job, error=text)
            await desk.sleep(back_off_s(failures))


async def _fetch_once(desk: Desk, job: Job) -> None:
    """Download, look at it, give it its name and write it down."""
    final = await desk.ask(_free_path, desk, job)
    if not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        client = await desk.service.client()
        url = job.full_url or await _fresh_url(client, job)
        part = final.with_name(final.name + ".part")
        await client.download(url, final)
        made = await _finish(desk, job, part)
        await desk.ask(files.put_in_place, part, final)
    else:
        # The kernel died between naming the file and writing it down.
        made = await _finish(desk, job, final)
    more = await _further_outputs(desk, job, final)
    await desk.ask(files.write_text, final.with_suffix(".json"), _recipe_text(desk, job, made))
    await _complete(desk, job, made, more)


def _free_path(desk: Desk, job: Job) -> Path:
    """Give the path for the file: one that is free, or that has this very clip since the kernel died just then."""
    for file in (job.file, *desk.longer_files(job.row)):
        path = desk.folder / file
        job.file = file
        if not path.exists() or (recipe.read(path) or {}).get("prediction_id") == job.prediction_id:
            return path
    raise errors.DownloadFailed(f"Every name for clip {job.id} is taken by another file; move those away.")


async def _finish(desk: Desk, job: Job, path: Path) -> dict[str, Any]:
    """Have the worker check the file, put the recipe in and draw a poster."""
    try:
        return await desk.work("finish", path=str(path), recipe=recipe_of(job.row, desk.now()))
    except errors.ClipInvalid:
        if path.name.endswith(".part"):
            await desk.ask(path.unlink, missing_ok=True)
        raise


async def _complete(desk: Desk, job: Job, made: dict[str, Any], more: tuple[str, ...]) -> None:
    facts = made["facts"]
    await desk.move(
        job,
        "completed",
        detail="saved",
        marks={"poster": base64.b64decode(made["poster"]), "note": ""},
        error=None,
        path=job.file,
        more_paths=more,
        sha256=made["sha256"],
        **{name: facts[name] for name in FACTS},
        cost_usd=job.quote_usd,
        price_source="quote",
    )


async def _fresh_url(client: Client, job: Job) -> str:
    """Ask again where the file is: stored addresses have no signature."""
    prediction = await client.result(str(job.prediction_id))
    if not prediction.outputs:
        raise errors.DownloadFailed(f"The service has no file for clip {job.id} just now.")
    job.outputs = prediction.outputs
    return prediction.outputs[0]


async def _further_outputs(desk: Desk, job: Job, final: Path) -> tuple[str, ...]:
    """Keep what else the model made, as ``-o2``, ``-o3``."""
    kept = []
    client = await desk.service.client()
    for number, url in enumerate(job.outputs[1:], start=2):
        path = final.with_name(f"{final.stem}-o{number}{final.suffix}")
        if not path.exists():
            await client.download(url, path)
            await desk.ask(files.put_in_place, path.with_name(path.name + ".part"), path)
        kept.append(f"{job.file.removesuffix(final.name)}{path.name}")
    return tuple(kept)


def _recipe_text(desk: Desk, job: Job, made: dict[str, Any]) -> str:
    recipe = recipe_of(job.row, desk.now()) | {"facts": made["facts"], "sha256": made["sha256"]}
    return json.dumps(recipe, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


async def _is_too_late(desk: Desk, job: Job, error: BaseException) -> bool:
    """End a job whose clip the service no longer keeps."""
    expires = job.row.url_expires_utc
    if expires is None or desk.now() < expires or isinstance(error, OSError):
        return False
    text = f"The service kept clip {job.id} for {KEPT_DAYS} days and no longer has it; it was billed."
    await desk.move(job, "failed", detail=text, error=text, error_kind="DownloadFailed", was_accepted=True)
    return True


def _in_words(error: BaseException) -> str:
    """Say in one line what is in the way, without the machine's own paths."""
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"The clip is ready and cannot be saved yet: {reason}. It is tried again."
    return f"{error} The clip is paid for and is fetched again."
