"""What a clip's recipe says: everything needed to ask for it again, and nothing that is private.

In comes a ledger row; out goes plain data for the MP4 and the JSON beside it. No key, no home path, no signed URL.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from hailuo_nb.ledger.rows import ClipRow

_IDENTITY = re.compile(r"([a-z]+):([0-9a-f]{64}):t([0-9]{1,6}):a([0-9]{1,6})")


def recipe_of(row: ClipRow, made_utc: datetime) -> dict[str, Any]:
    """Give the recipe of a clip as JSON-able data.

    Parameters
    ----------
    row : ClipRow
        The clip's row.
    made_utc : datetime
        When the file was made, zone-aware.
    """
    return {
        "made_by": "hailuo_nb",
        "version": 1,
        "clip": identity_of(row),
        "service": row.service,
        "is_simulated": row.service == "simulator",
        "variant": row.variant,
        "model": row.model_id,
        "prompt": row.prompt,
        "prompt_template": row.prompt_template,
        "axes": dict(row.axes),
        "inputs": dict(row.inputs),
        "name": row.name,
        "take": row.take,
        "request_hash": row.request_hash,
        "prediction_id": row.prediction_id,
        "quote_usd": None if row.quote_usd is None else str(row.quote_usd),
        "created_utc": row.created_utc.isoformat(),
        "made_utc": made_utc.isoformat(timespec="seconds"),
    }


def identity_of(row: ClipRow) -> str:
    """Give the clip's identity as one text: service, request, take and attempt."""
    return identity_text(row.service, row.request_hash, row.take, row.attempt)


def identity_text(service: str, request_hash: str, take: int, attempt: int) -> str:
    """Give a clip's identity by its parts; it is known before there is a row."""
    return f"{service}:{request_hash}:t{take}:a{attempt}"


def named_by(identity: object) -> tuple[str, str, int, int] | None:
    """Read service, request, take and attempt out of a clip's identity; None where it is none."""
    found = _IDENTITY.fullmatch(identity) if isinstance(identity, str) else None
    return (found[1], found[2], int(found[3]), int(found[4])) if found else None
