"""From `planned` to `submitted`: the one step that costs money.

In comes a job whose row is durable; out it goes with a prediction id, or back to `planned` when surely nothing was
accepted, or to `failed` when the service refused for good, or to `unconfirmed` when nobody can know. A submit is
sent at most once; nothing here repeats one that may have been accepted.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.jobs.desk import LOST, Desk
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import back_off_s
from hailuo_nb.jobs.prices import PRICE_AGE_S, price_key, sealed, unsealed
from hailuo_nb.ledger.faults import FenceLost, PredictionTaken, TransitionRefused
from hailuo_nb.wavespeed.prediction import Prediction

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

# A POST goes only if its row was written this recently: after a suspended night nothing is sent by surprise.
FRESH_S = 5.0
# So long the clips of a batch go by what one of them read in the ledger.
PRICE_HELD_S = 2.0
# Uploads live seven days; one is not relied on for its last.
UPLOAD_AGE_S = 6 * 24 * 3600.0
LONGEST_WAIT_S = 5.0
# The window counts from when a submit leaves, the service's from when it arrives.
WINDOW_MARGIN = 1.02
WINDOW_MARGIN_S = 0.25
# What may pass by itself; the submit's own doubt is never among these, since the client says SubmitUnconfirmed then.
NOT_NOW = (
    errors.NotConnected,
    errors.ConnectionLost,
    errors.AnswerUnreadable,
    errors.RateLimited,
    errors.ServiceUnavailable,
    errors.LedgerError,
)


async def send(desk: Desk, job: Job) -> None:
    """Send one planned job when its turn comes; returns when it is no longer `planned`, or held."""
    failures = 0
    while job.status == "planned" and not job.is_held:
        if job.wants_cancel:
            await desk.move(job, "cancelled", detail="cancelled before it was sent", marks={"note": ""})
            return
        if not await desk.gate.enter(job.id):
            continue
        pause = 0.0
        try:
            await _send_once(desk, job)
        except LOST:
            raise
        except NOT_NOW as error:
            failures += 1
            pause = back_off_s(failures, getattr(error, "retry_after", None))
            if isinstance(error, errors.RateLimited):
                await desk.pause_submits(pause)
            job.show(note=f"{error} Nothing was sent; trying again.")
            await desk.revive(error)
        except errors.HailuoError as error:
            if job.status != "planned":
                raise
            await _refused(desk, job, error)
        finally:
            desk.gate.leave()
        if pause:
            await desk.nap(job, pause)


async def _send_once(desk: Desk, job: Job) -> None:
    """Prepare, take a turn, and send the POST once."""
    client = await desk.client()
    inputs = await desk.unless_called_off(job, _prepared(desk, client, job))
    if inputs is None:
        return
    wait_s = await _take_turn(desk, job, inputs)
    if wait_s > 0:
        job.show(note="waiting for its turn: the account sends only so many a minute")
        desk.waiting.add(job)
        try:
            await desk.nap(job, min(wait_s, LONGEST_WAIT_S))
        finally:
            desk.waiting.discard(job)
    elif job.status == "submitting":
        await _post(desk, client, job, inputs)


async def _prepared(desk: Desk, client: Client, job: Job) -> dict[str, Any] | None:
    """Give what to send, pictures uploaded; None where the price grew past a limit, and the job is held."""
    inputs = await inputs_to_send(desk, client, job)
    return inputs if await _price_is_right(desk, client, job, inputs) else None


async def _take_turn(desk: Desk, job: Job, inputs: dict[str, Any]) -> float:
    """Move the row to `submitting` if the account's limits, shared by every kernel, leave room; else say when."""
    assert job.request is not None
    if job.request.images:
        # Where the answer gets lost, the prediction is found by what was sent.
        sent = {name: sent_mark(inputs[name]) for name in job.request.images}
        await desk.ask(desk.ledger.remember, f"sent:{job.id}", sent)
    if job.wants_cancel or job.is_held:
        return 0.0
    limits = desk.limits()
    started = desk.clock()
    wait_s, row = await desk.ask(
        desk.ledger.start_submit,
        job.id,
        fence=desk.fences[job.id],
        per_minute=limits.videos_per_minute,
        at_once=limits.concurrency,
        window_s=60.0 / desk.service.speed * WINDOW_MARGIN + WINDOW_MARGIN_S,
        key_fingerprint=desk.fingerprint(),
    )
    if row is None:
        return wait_s
    # Held in this very moment, its note says why.
    job.show(row, note=job.note if job.is_held else "")
    if job.wants_cancel or job.is_held:
        await desk.move(job, "planned", detail="not sent: called off in the last moment")
    elif not 0 <= desk.clock() - started <= FRESH_S:
        await desk.move(job, "planned", detail="not sent: too long after it was written down")
    return 0.0


async def _post(desk: Desk, client: Client, job: Job, inputs: dict[str, Any]) -> None:
    """Send the POST, once, and write down what came."""
    assert job.request is not None
    try:
        prediction = await client.submit(job.request.model_id, inputs)
    except errors.SubmitUnconfirmed as error:
        await desk.move(job, "unconfirmed", detail=str(error), error=str(error))
    except (errors.NotConnected, errors.RateLimited) as error:
        await desk.move(job, "planned", detail=str(error))
        if isinstance(error, errors.NotConnected):
            await desk.give_turn_back()
        raise
    except errors.HailuoError as error:
        await _refused(desk, job, error)
    else:
        await _accepted(desk, job, prediction)


async def _accepted(desk: Desk, job: Job, prediction: Prediction) -> None:
    """Write down the id of what is paid; where the row is another kernel's by now, leave word for that one."""
    try:
        await desk.move(job, "submitted", prediction_id=prediction.id, detail="the service has it")
        desk.rolls.heard(job, prediction)
    except (FenceLost, TransitionRefused):
        answer = {"prediction_id": prediction.id}
        await desk.surely(job, desk.ledger.remember, f"answer:{job.id}", answer)
        raise
    except PredictionTaken as error:
        text = f"{error} So nobody knows whether this clip was accepted too."
        await desk.move(job, "unconfirmed", detail=text, error=text)


async def _refused(desk: Desk, job: Job, error: errors.HailuoError) -> None:
    """Write down that the job was refused for good, and that nothing was accepted."""
    text = str(error)
    await desk.move(
        job, "failed", detail=text, error=text, error_kind=type(error).__name__, was_accepted=False
    )


async def inputs_to_send(desk: Desk, client: Client, job: Job) -> dict[str, Any]:
    """Give the inputs as the service takes them, with pictures uploaded once per content."""
    assert job.request is not None
    inputs = dict(job.request.inputs)
    for name, value in inputs.items():
        if isinstance(value, ImageRef):
            inputs[name] = await _image_url(desk, client, job, value)
    return inputs


def sent_mark(url: str) -> str:
    """Give what is kept of a picture's address that was sent: all of it, or its hash where it may be a signature."""
    is_plain = "?" not in url and "@" not in url and "#" not in url
    return url if is_plain else f"sha256:{hashlib.sha256(url.encode()).hexdigest()}"


async def _image_url(desk: Desk, client: Client, job: Job, image: ImageRef) -> str:
    """Give a URL the service can read the picture from, uploading it if that was not done before."""
    if image.url is not None:
        return image.url
    data = image.data
    if data is None and image.uploaded is not None:
        return image.uploaded
    if data is None:
        raise errors.InvalidRequest(
            f"The picture {image.label} of clip {job.id} is gone; run its cell again."
        )
    content = await desk.disk(lambda: hashlib.sha256(data).hexdigest())
    key = f"upload:{desk.service.name}:{client.base_url}:{content}"
    async with desk.uploading(key):
        known = unsealed(await desk.ask(desk.ledger.recall, key, UPLOAD_AGE_S), key, desk.seal)
        if known is not None:
            return str(known["url"])
        job.show(note="uploading the picture")
        kind = image.content_type or "image/png"
        url = await client.upload(data, f"{content[:16]}.{'jpg' if kind == 'image/jpeg' else 'png'}", kind)
        if sent_mark(url) == url:
            await desk.ask(desk.ledger.remember, key, sealed({"url": url}, key, desk.seal))
    return url


async def _price_is_right(desk: Desk, client: Client, job: Job, inputs: dict[str, Any]) -> bool:
    """Ask the live price; False where it grew past a limit, and the job is held."""
    live = await _live_price(desk, client, job, inputs)
    if live is None or live == job.quote_usd:
        return True
    reason = desk.may_cost(job, live) if job.quote_usd is None or live > job.quote_usd else ""
    try:
        # Written down before anybody is asked: the yes is for the sum that is shown.
        rows = await desk.ask(desk.ledger.requote, {job.id: live}, source="service", budget_usd=desk.budget())
    except errors.BudgetExceeded as error:
        hold(job, error)
        return False
    job.show(rows[0])
    if reason:
        hold(job, errors.ConfirmationNeeded(reason))
    return not reason


def hold(job: Job, why: errors.HailuoError) -> None:
    """Keep an unsent job from being sent until somebody says yes; whoever waits for it is told."""
    job.show(note=str(why), is_held=True)
    job.settle(why)


async def _live_price(desk: Desk, client: Client, job: Job, inputs: dict[str, Any]) -> Decimal | None:
    """Ask the service what these inputs cost, once an hour for inputs that differ in more than words."""
    assert job.request is not None
    key = price_key(desk.service.name, job.request.model_id, inputs)
    at, usd = desk.prices.get(key, (0.0, None))
    if usd is not None and 0 <= desk.clock() - at <= PRICE_HELD_S:
        return usd
    live = await _priced(desk, client, job.request.model_id, inputs, key)
    if live is not None:
        desk.prices[key] = (desk.clock(), live)
    return live


async def _priced(
    desk: Desk, client: Client, model_id: str, inputs: dict[str, Any], key: str
) -> Decimal | None:
    """Give the price that some kernel asked for within the hour, else ask for it."""
    known = unsealed(await desk.ask(desk.ledger.recall, key, PRICE_AGE_S), key, desk.seal)
    if known is not None:
        return Decimal(known["usd"])
    try:
        live = await client.price(model_id, inputs)
    except errors.ServiceError:
        # The dated table stands in; the bill overrules both.
        return None
    await desk.ask(desk.ledger.remember, key, sealed({"usd": str(live)}, key, desk.seal))
    return live
