"""The service's way of answering: one envelope for everything, and what a refusal carries.

In come the facts of one answer, out goes the JSON that :mod:`~hailuo_nb.simulator.web` sends.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["INSUFFICIENT_CREDITS", "TASK_ERRORS", "Refusal", "envelope", "parse_time", "utc_text"]

INSUFFICIENT_CREDITS = "Insufficient credits. Please top up your account to continue."

TASK_ERRORS = {
    1200: "Content flagged as potentially sensitive. Please change your prompt or image and try again.",
    1400: "A required parameter is missing.",
    1401: "A parameter is invalid.",
    1402: "The image could not be fetched.",
    1403: "The task failed.",
    1405: "The task failed while generating.",
    1406: "The task failed after several retries.",
    1407: "Insufficient credits.",
    5000: "Internal error.",
    5003: "The model is unavailable.",
    5004: "The task timed out.",
}


class Refusal(Exception):
    """A call that is answered with an error.

    Parameters
    ----------
    status : int
        The HTTP status, repeated as the envelope's code.
    message : str
        The envelope's message.
    retry_after : int, optional
        Whole seconds for the ``Retry-After`` header.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def envelope(data: Any) -> dict[str, Any]:
    """Wrap the data of a good answer."""
    return {"code": 200, "message": "success", "data": data}


def utc_text(moment: float) -> str:
    """Write a moment (seconds since 1970) the way the service does: ``2026-09-29T23:09:43.027Z``."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(value: Any, name: str) -> float | None:
    """Read a moment from a request body.

    Parameters
    ----------
    value : object
        ISO 8601 text (UTC where it names no zone), seconds since 1970, or None.
    name : str
        The key it came under, for the message.

    Raises
    ------
    Refusal
        It is neither.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refusal(400, f"{name} must be an ISO 8601 time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
