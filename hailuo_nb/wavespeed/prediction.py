"""A prediction: the remote side of a job.

In comes the `data` of an answer; out goes a `Prediction` with a known status, plain texts and addresses that
can be fetched, and for one that failed the error that says why. Next: `hailuo_nb.jobs`, which follows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from hailuo_nb import errors
from hailuo_nb.errors import HailuoError
from hailuo_nb.wavespeed.addresses import is_file_url, is_prediction_id
from hailuo_nb.wavespeed.answers import NO_CREDITS, plain_line, whole_number

FINAL = frozenset({"completed", "failed", "cancelled", "timeout", "deleted"})
STATUSES = FINAL | {"created", "processing"}
MOST_OUTPUTS = 64
_MODERATION = re.compile(r"flagged|sensitive|moderation|nsfw", re.IGNORECASE)


@dataclass(frozen=True)
class Prediction:
    """One prediction as the service tells it.

    Attributes
    ----------
    id : str
        The service's id.
    model : str
        The model id; empty where the service does not say.
    status : str
        created, processing, completed, failed, cancelled, timeout or deleted; a word the service may add
        some day counts as processing.
    outputs : tuple of str
        Addresses of the files; others than http and https are left out.
    error : str
        The service's reason in one plain line.
    code : int or None
        The service's task code.
    created_utc : datetime or None
        Zone-aware.
    execution_ms : int or None
        How long it ran.
    inputs : Mapping or None
        What was asked for, where the service tells it.
    """

    id: str
    model: str = ""
    status: str = "processing"
    outputs: tuple[str, ...] = ()
    error: str = ""
    code: int | None = None
    created_utc: datetime | None = None
    execution_ms: int | None = None
    inputs: Mapping[str, Any] | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will change."""
        return self.status in FINAL


def from_data(data: object, *, asked_id: str | None = None) -> Prediction | None:
    """Read a prediction.

    Parameters
    ----------
    data : object
        The `data` of an answer, or one of its items.
    asked_id : str, optional
        The id that was asked for: stands in where the answer has none, and must not differ from it.

    Returns
    -------
    Prediction or None
        None when this is no prediction, or another one.
    """
    if not isinstance(data, dict):
        return None
    found_id = data.get("id") or asked_id
    if isinstance(found_id, int) and not isinstance(found_id, bool):
        found_id = str(found_id)
    if not isinstance(found_id, str) or not is_prediction_id(found_id):
        return None
    if asked_id is not None and found_id != asked_id:
        return None
    status = str(data.get("status", "")).strip().lower()
    inputs = data.get("inputs", data.get("input"))
    return Prediction(
        id=found_id,
        model=plain_line(data.get("model")),
        status=status if status in STATUSES else "processing",
        outputs=_outputs(data.get("outputs")),
        error=plain_line(data.get("error")),
        code=whole_number(data.get("code")),
        created_utc=parse_time(data.get("created_at")),
        execution_ms=_execution_ms(data),
        inputs=MappingProxyType(dict(inputs)) if isinstance(inputs, dict) else None,
    )


def failure(prediction: Prediction) -> HailuoError:
    """Say why a prediction came to nothing.

    Parameters
    ----------
    prediction : Prediction
        One that is final and not completed.

    Returns
    -------
    HailuoError
        ContentRejected, ImageRejected, InsufficientCredits or GenerationFailed, not raised.
    """
    code, reason = prediction.code, prediction.error
    said = f" The service says: {reason}" if reason else ""
    shown = f" (code {code})" if code is not None else ""
    if code == 1200 or (code is None and _MODERATION.search(reason)):
        return errors.ContentRejected(
            f"The service's moderation refused this clip{shown}; change the prompt or the picture.{said}",
            code=code,
        )
    if code == 1402:
        return errors.ImageRejected(
            f"The service could not fetch or read the picture{shown}; try another file or address.{said}",
            code=code,
        )
    if code == 1407 or (code is None and NO_CREDITS.search(reason)):
        return errors.InsufficientCredits(
            f"No credits left at the service{shown}; top up at wavespeed.ai, then %hailuo retry.{said}",
            code=code,
        )
    if code in {1400, 1401}:
        return errors.GenerationFailed(
            f"The service could not use an input{shown}; change it and run the cell again.{said}", code=code
        )
    happened = {
        "cancelled": "The prediction was cancelled at the service",
        "timeout": "The service gave up: it took too long",
        "deleted": "The prediction was deleted at the service",
    }.get(prediction.status, "The service could not make this clip")
    return errors.GenerationFailed(
        f"{happened}{shown}; %hailuo settle tells what it cost, %hailuo retry sends it again.{said}",
        code=code,
    )


def parse_time(value: object) -> datetime | None:
    """Read a time such as ``2026-09-29T23:09:43.027Z``; one without a zone is UTC, anything else is None."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _outputs(value: object) -> tuple[str, ...]:
    """Read the outputs, which may be null, texts, or objects with an address."""
    items = value if isinstance(value, list) else [value]
    urls = [item.get("url") if isinstance(item, dict) else item for item in items[:MOST_OUTPUTS]]
    return tuple(url for url in urls if isinstance(url, str) and is_file_url(url))


def _execution_ms(data: Mapping[str, Any]) -> int | None:
    """Read how long it ran; zero means that the service does not know yet."""
    value = data.get("executionTime")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**12:
        return None
    return int(value)
