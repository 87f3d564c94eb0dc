"""Every error this package raises on purpose.

In come the facts of one failure, out goes one line that says what happened and what to do next. Each class is
one cause that a caller would treat differently::

    HailuoError
    ├── SetupError                 something must be set up first
    │   ├── KeyMissing             WaveSpeed is wanted and there is no key
    │   └── SettingInvalid         a setting has a value that means nothing
    ├── InvalidRequest             the cell asks for something that cannot be sent; nothing was
    │   ├── UnknownVariant         no such variant or model
    │   └── PromptInvalid          the prompt's {axes} or {{values}} cannot be read
    ├── LimitReached               one of the user's own limits; nothing was sent
    │   ├── BudgetExceeded         the budget or --max-cost
    │   ├── ConfirmationNeeded     above the confirmation limit and nobody said yes
    │   └── TooManyClips           above max_clips
    ├── NotOnDisk                  --offline, and the clip is not here
    ├── ServiceError               the service answered, or did not
    │   ├── NotConnected           the connection never opened: nothing was sent
    │   ├── ConnectionLost         it opened and broke, or nothing came in time
    │   ├── AnswerUnreadable       HTML, a truncated answer, ``data: null``, a redirect
    │   ├── AccessDenied           401 and 403: the key
    │   ├── InsufficientCredits    no money left
    │   ├── RequestRefused         400: the service does not like the inputs
    │   ├── NotFound               404: unknown id, or older than seven days
    │   ├── RateLimited            429, with ``retry_after``
    │   └── ServiceUnavailable     5xx
    ├── SubmitUnconfirmed          a submit left and no usable answer came; it may be billed
    ├── GenerationFailed           the service took the job and could not finish it
    │   ├── ContentRejected        its moderation refused
    │   └── ImageRejected          it could not read or fetch the image
    ├── DownloadFailed             the clip exists and its file is not here
    │   └── ClipInvalid            what came is not a playable video
    ├── JobCancelled               cancelled before it was sent
    ├── NotClean                   a notebook gives something away that should stay here
    ├── PackRefused                a pack is not whole, not ours or not safe; nothing was taken in
    └── LedgerError                the ledger cannot be opened or written

In a notebook they show as one line: IPython asks an exception for ``_render_traceback_``.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AccessDenied",
    "AnswerUnreadable",
    "BudgetExceeded",
    "ClipInvalid",
    "ConfirmationNeeded",
    "ConnectionLost",
    "ContentRejected",
    "DownloadFailed",
    "GenerationFailed",
    "HailuoError",
    "ImageRejected",
    "InsufficientCredits",
    "InvalidRequest",
    "JobCancelled",
    "KeyMissing",
    "LedgerError",
    "LimitReached",
    "NotClean",
    "NotConnected",
    "NotFound",
    "NotOnDisk",
    "PackRefused",
    "PromptInvalid",
    "RateLimited",
    "RequestRefused",
    "ServiceError",
    "ServiceUnavailable",
    "SettingInvalid",
    "SetupError",
    "SubmitUnconfirmed",
    "TooManyClips",
    "UnknownVariant",
]


class HailuoError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        One line: what happened, to which clip, what it cost, what to do.
    job : hailuo_nb.jobs.job.Job, optional
        The job it concerns, where there is one.
    """

    def __init__(self, message: str, *, job: Any = None) -> None:
        super().__init__(message)
        self.job = job

    def _render_traceback_(self) -> list[str]:
        """One line instead of a stack of ours, in IPython and Jupyter."""
        return [f"{type(self).__name__}: {self}"]


class SetupError(HailuoError):
    """Something must be set up first."""


class KeyMissing(SetupError):
    """WaveSpeed is wanted and there is no key."""


class SettingInvalid(SetupError):
    """A setting has a value that means nothing."""


class InvalidRequest(HailuoError):
    """The cell asks for something that cannot be sent; nothing was.

    Parameters
    ----------
    message : str
        All faults in one line.
    faults : tuple of str
        The faults one by one, each naming the input and the nearest right value.
    """

    def __init__(self, message: str, *, faults: tuple[str, ...] = (), job: Any = None) -> None:
        super().__init__(message, job=job)
        self.faults = faults or (message,)


class UnknownVariant(InvalidRequest):
    """No such variant or model."""


class PromptInvalid(InvalidRequest):
    """The prompt's axes or values cannot be read; the message has a caret under the place."""


class LimitReached(HailuoError):
    """One of the user's own limits; nothing was sent."""


class BudgetExceeded(LimitReached):
    """The budget, or this cell's ``--max-cost``."""


class ConfirmationNeeded(LimitReached):
    """Above the confirmation limit and nobody said yes."""


class TooManyClips(LimitReached):
    """More clips in one cell than ``max_clips``."""


class NotOnDisk(HailuoError):
    """``--offline``, and the clip is not on disk."""


class ServiceError(HailuoError):
    """The service answered with an error, or did not answer.

    Parameters
    ----------
    message : str
        What happened; holds nothing that was sent.
    status_code : int, optional
        The HTTP status.
    code : int, optional
        The code in the service's own envelope.
    retry_after : float, optional
        Seconds the service asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: int | None = None,
        retry_after: float | None = None,
        job: Any = None,
    ) -> None:
        super().__init__(message, job=job)
        self.status_code = status_code
        self.code = code
        self.retry_after = retry_after


class NotConnected(ServiceError):
    """The connection never opened: nothing was sent."""


class ConnectionLost(ServiceError):
    """The connection opened and broke, or nothing came in time."""


class AnswerUnreadable(ServiceError):
    """HTML, a truncated answer, ``data: null`` or a redirect."""


class AccessDenied(ServiceError):
    """401 and 403: the key is wrong, inactive or not allowed to do this."""


class InsufficientCredits(ServiceError):
    """No money left at the service."""


class RequestRefused(ServiceError):
    """The service does not accept the inputs."""


class NotFound(ServiceError):
    """Unknown id, or older than seven days."""


class RateLimited(ServiceError):
    """Over the account's rate limit."""


class ServiceUnavailable(ServiceError):
    """5xx: the service's own fault."""


class SubmitUnconfirmed(HailuoError):
    """A submit left and no usable answer came; it may be billed and is never sent again by itself."""


class GenerationFailed(HailuoError):
    """The service took the job and could not finish it.

    Parameters
    ----------
    message : str
        The service's reason and what to do.
    code : int, optional
        The service's task code.
    """

    def __init__(self, message: str, *, code: int | None = None, job: Any = None) -> None:
        super().__init__(message, job=job)
        self.code = code


class ContentRejected(GenerationFailed):
    """The service's moderation refused."""


class ImageRejected(GenerationFailed):
    """The service could not read or fetch the image."""


class DownloadFailed(HailuoError):
    """The clip exists and its file is not here."""


class ClipInvalid(DownloadFailed):
    """What came is not a playable video."""


class JobCancelled(HailuoError):
    """The job was cancelled before it was sent; it cost nothing."""


class NotClean(HailuoError):
    """A notebook gives away a key, a home path or a signed address.

    Parameters
    ----------
    message : str
        How many of each.
    found : tuple of str
        A line for each cell and kind; none shows a secret.
    """

    def __init__(self, message: str, *, found: tuple[str, ...] = (), job: Any = None) -> None:
        super().__init__(message, job=job)
        self.found = found


class PackRefused(HailuoError):
    """A pack is not whole, not ours or not safe; nothing of it was taken in."""


class LedgerError(HailuoError):
    """The ledger cannot be opened or written."""
