"""What may stand in an address.

In come texts from users, settings and the service: the base address, model ids, prediction ids, file
addresses; out they go unchanged if they are what they claim to be. Nobody can climb out of a path, add a
query, or name another call of the service where a model id belongs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hailuo_nb.catalog.variants import looks_like_model_id
from hailuo_nb.errors import InvalidRequest, SettingInvalid
from hailuo_nb.settings import LOOPBACK_HOSTS

if TYPE_CHECKING:
    import httpx

LONGEST_URL = 8192
# First words of the service's own calls: `predictions/delete` as a "model" would delete, not generate.
RESERVED = frozenset(
    {"balance", "billing", "billings", "media", "model", "models", "predictions", "user", "users", "webhooks"}
)
_PREDICTION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,199}")
_HOST = re.compile(rb"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_UNFIT = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")


def base_address(text: str) -> str:
    """Check the service's address: https, or plain http on this machine only.

    Parameters
    ----------
    text : str
        The address, with or without a slash at its end.

    Returns
    -------
    str
        The address without a slash at its end.

    Raises
    ------
    SettingInvalid
        When the key could be read on its way there, or it is no address.
    """
    text = text.strip().rstrip("/")
    url = _parsed(text)
    if url is None or not url.host or url.userinfo or url.query or url.fragment or "?" in text or "#" in text:
        raise SettingInvalid(
            "The service's address is not of the form https://host; correct WAVESPEED_BASE_URL."
        )
    if url.scheme != "https" and not (url.scheme == "http" and url.host in LOOPBACK_HOSTS):
        raise SettingInvalid("The service's address must be https (plain http is for this machine only).")
    if not _HOST.fullmatch(url.raw_host):
        raise SettingInvalid("The service's address names no host; correct WAVESPEED_BASE_URL.")
    return text


def model_path(model_id: str) -> str:
    """Give the path of a model's submit call, or refuse what is no model id."""
    if not looks_like_model_id(model_id) or model_id.split("/", maxsplit=1)[0].lower() in RESERVED:
        raise InvalidRequest(
            f"{str(model_id)[:80]!r} is no model id; those look like "
            "minimax/hailuo-2.3/t2v-pro. Nothing was sent."
        )
    return f"/api/v3/{model_id}"


def is_prediction_id(value: object) -> bool:
    """Whether this can be the id of a prediction."""
    return isinstance(value, str) and _PREDICTION_ID.fullmatch(value) is not None


def prediction_id(value: str) -> str:
    """Give a prediction id unchanged, or refuse it before it gets into a path."""
    if not is_prediction_id(value):
        raise InvalidRequest(f"{str(value)[:80]!r} is no prediction id; copy it from the service's history.")
    return value


def is_file_url(text: object) -> bool:
    """Whether this is an http or https address that can be fetched."""
    if not isinstance(text, str):
        return False
    url = _parsed(text)
    return url is not None and url.scheme in {"http", "https"} and bool(url.host)


def without_query(url: httpx.URL | str) -> str:
    """Give an address as it may be shown and logged: signatures live in queries."""
    return re.sub(r"[?#].*", "", str(url), flags=re.DOTALL)


def _parsed(text: str) -> httpx.URL | None:
    """Read an address, or None where it is none."""
    if len(text) > LONGEST_URL or _UNFIT.search(text):
        return None
    import httpx

    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        return None
