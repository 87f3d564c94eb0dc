"""What an answer means.

In comes an `Answer`: HTTP status, headers and bytes. Out goes its `Envelope`, and the one error that its
status and its envelope's code amount to. Both are read, because the service has said "no credits" with HTTP
200. Text of the service becomes one plain line with the key masked before anybody sees it. Next: `client`,
which gives or raises.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

from hailuo_nb import errors
from hailuo_nb.errors import ServiceError

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.key import Key

# The service has no number of its own for an empty account: only its words tell it from a wrong request.
NO_CREDITS = re.compile(r"insufficient\s+(credit|balance|fund)|no credits", re.IGNORECASE)
# Control characters, and those that turn the direction of the text around them or cannot be encoded.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]+"
)
# In any order: of an escaped backslash one is always left.
_HARMLESS = ((r"\u0026", "&"), (r"\u003c", "<"), (r"\u003e", ">"), (r"\"", '"'), (r"\n", "\n"), (r"\/", "/"))
LONGEST_LINE = 300
LONGEST_RETRY_S = 24 * 3600.0
# Answers that a gateway may give after it has passed the request on.
_UNCLEAR = frozenset({408, 425, 499})
_REFUSALS: Mapping[int, tuple[type[ServiceError], str]] = {
    401: (errors.AccessDenied, "The service does not accept the key; check it with %hailuo key status"),
    403: (errors.AccessDenied, "The account is suspended, or the key's role may not do this"),
    404: (errors.NotFound, "The service does not know this, or it is older than 7 days"),
    429: (errors.RateLimited, "Over the account's rate limit; wait for the next minute"),
}


@dataclass(frozen=True)
class Answer:
    """One whole HTTP answer."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    retry_after: float | None = None


@dataclass(frozen=True)
class Envelope:
    """The service's own wrapping, as far as it could be read.

    Attributes
    ----------
    is_readable : bool
        Whether the body was the JSON object it should be.
    """

    status_code: int
    code: int | None
    message: str
    data: Any
    retry_after: float | None
    is_readable: bool

    @property
    def is_success(self) -> bool:
        """Whether both the HTTP status and the envelope's code say that it worked."""
        return 200 <= self.status_code < 300 and (self.code in (None, 0) or 200 <= self.code < 300)


def plain_line(text: object, longest: int = LONGEST_LINE) -> str:
    """Make one line of plain text of whatever the service said: no control characters, not endless."""
    if not isinstance(text, str):
        return ""
    # Cut first: ten megabytes are not searched for what is thrown away.
    line = " ".join(_UNSEEN.sub(" ", text[: longest * 4]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def decoded(body: bytes, encoding: str, most_bytes: int) -> bytes | None:
    """Undo gzip or deflate; None for another encoding, a broken body or one over the limit."""
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        return None
    unpacker = zlib.decompressobj(wbits=47)
    try:
        plain = unpacker.decompress(body, most_bytes + 1)
    except zlib.error:
        return None
    return plain if unpacker.eof and len(plain) <= most_bytes else None


def read_envelope(answer: Answer, key: Key) -> Envelope:
    """Read an answer's JSON; what cannot be read gives an envelope that says so."""
    try:
        found = json.loads(answer.body, parse_constant=_refuse_constant)
        if not _is_clean(answer.body, key):
            found = _cleaned(found, key)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Envelope(answer.status_code, None, "", None, answer.retry_after, is_readable=False)
    return Envelope(
        answer.status_code,
        whole_number(found.get("code")),
        plain_line(found.get("message")),
        found.get("data"),
        answer.retry_after,
        is_readable=True,
    )


def whole_number(value: object) -> int | None:
    """Read a whole number given as number or text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    return None


def trouble_of(envelope: Envelope) -> ServiceError | None:
    """Name the one error that an answer amounts to; None when the service says that it worked.

    Parameters
    ----------
    envelope : Envelope
        The answer as read.

    Returns
    -------
    ServiceError or None
        Its `status_code` is HTTP's, its `code` the envelope's.
    """
    status, code = envelope.status_code, envelope.code
    if not envelope.is_readable and (status < 400 or status in _UNCLEAR):
        kind = "a redirect, which is not followed" if 300 <= status < 400 else "something other than its JSON"
        return _error(errors.AnswerUnreadable, envelope, f"The service answered with {kind} (HTTP {status}).")
    if envelope.is_success:
        return None
    if 300 <= status < 400:
        return _error(
            errors.AnswerUnreadable, envelope, f"The service answered with a redirect (HTTP {status})."
        )
    return _named(envelope, _decisive(status, code))


def _decisive(status: int, code: int | None) -> int | None:
    """Say which of the two numbers tells the cause, as an HTTP status; None where neither does."""
    if status >= 500 or status == 429:
        return status
    if code is not None and 400 <= code < 600:
        return code
    return status if status >= 400 else None


def _named(envelope: Envelope, cause: int | None) -> ServiceError:
    """Give the error class and the line for a cause."""
    said = f": {envelope.message}" if envelope.message else "."
    if cause == 402 or (cause in {400, 403} and NO_CREDITS.search(envelope.message)):
        kind: type[ServiceError] = errors.InsufficientCredits
        line, said = "No credits left at the service", "; top up at wavespeed.ai, then run the cell again."
    elif cause is None:
        kind, line = errors.AnswerUnreadable, "The service's answer means nothing here"
    elif cause >= 500 or cause in _UNCLEAR:
        kind, line = errors.ServiceUnavailable, "The service is in trouble"
    else:
        kind, line = _REFUSALS.get(cause, (errors.RequestRefused, "The service refused the request"))
    shown = f"HTTP {envelope.status_code}" + (f", code {envelope.code}" if envelope.code is not None else "")
    return _error(kind, envelope, f"{line} ({shown}){said}")


def _error(kind: type[ServiceError], envelope: Envelope, message: str) -> ServiceError:
    """Make an error that carries the answer's numbers."""
    return kind(
        message, status_code=envelope.status_code, code=envelope.code, retry_after=envelope.retry_after
    )


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read how long the service asks to wait, in seconds, from either form of ``Retry-After``.

    A date is compared with the answer's own ``Date`` where it has one, since this machine's clock may be off.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return min(float(text), LONGEST_RETRY_S)
    until = http_date(text)
    if until is None:
        return None
    wait_s = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(wait_s, 0.0), LONGEST_RETRY_S)


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None for anything else."""
    if not text or len(text) > 100:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _is_clean(body: bytes, key: Key) -> bool:
    """Tell by the bytes whether `_cleaned` would change nothing, which is so for nearly every page of a hundred clips.

    A backslash that is left when the harmless escapes are undone may be any letter of the key.
    """
    if not body.isascii():
        return False
    text = body.decode("ascii")
    for escape, letter in _HARMLESS:
        text = text.replace(escape, letter)
    return "\\" not in text and key.masked(text) == text


def _cleaned(value: Any, key: Key) -> Any:
    """Mask the key in every text of an answer, and make every text one that can be written down."""
    if isinstance(value, str):
        text = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        return key.masked(text)
    if isinstance(value, list):
        return [_cleaned(item, key) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name, key): _cleaned(item, key) for name, item in value.items()}
    return value


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(name)
