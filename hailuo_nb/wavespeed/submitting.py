"""What came of a submit: the one call that costs money.

In comes the outcome of the one POST; out goes the prediction, or the error that says whether it may have been
accepted. Only an answer that is whole, readable and does not contradict itself counts as a refusal. Next:
`hailuo_nb.jobs`, which writes it down and never sends again what may have been accepted.
"""

from __future__ import annotations

from hailuo_nb import errors
from hailuo_nb.errors import HailuoError, ServiceError
from hailuo_nb.wavespeed.answers import Answer, Envelope, read_envelope, trouble_of
from hailuo_nb.wavespeed.key import Key
from hailuo_nb.wavespeed.prediction import Prediction, from_data

REFUSALS = (
    errors.AccessDenied,
    errors.InsufficientCredits,
    errors.NotFound,
    errors.RateLimited,
    errors.RequestRefused,
)


def judged(outcome: Answer | ServiceError, key: Key) -> Prediction | HailuoError:
    """Say what a submit came to.

    Parameters
    ----------
    outcome : Answer or ServiceError
        Of `exchange`.
    key : Key
        Masked in what is told.

    Returns
    -------
    Prediction or HailuoError
        NotConnected and the refusals mean that nothing was accepted; SubmitUnconfirmed that nobody knows.
    """
    if isinstance(outcome, errors.NotConnected):
        return outcome
    if isinstance(outcome, ServiceError):
        return unconfirmed(str(outcome))
    envelope = read_envelope(outcome, key)
    trouble = trouble_of(envelope)
    prediction = from_data(envelope.data)
    if trouble is None:
        return prediction or unconfirmed("The service answered without the id of a prediction.")
    if prediction is None and isinstance(trouble, REFUSALS) and _is_clear(envelope):
        return trouble
    return unconfirmed(str(trouble))


def unconfirmed(what: str) -> errors.SubmitUnconfirmed:
    """Make the error of a submit that may have been accepted."""
    return errors.SubmitUnconfirmed(
        f"{what} The submit was sent and may be billed, so it is not sent again by itself; "
        "the service's recent predictions are searched for it."
    )


def _is_clear(envelope: Envelope) -> bool:
    """Whether a refusal can be relied on: 429 in any form, else JSON that agrees with the status."""
    if envelope.status_code == 429:
        return True
    says_yes = envelope.code is not None and (envelope.code == 0 or 200 <= envelope.code < 300)
    return envelope.is_readable and not says_yes
