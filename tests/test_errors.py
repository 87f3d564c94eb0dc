"""The errors: their tree, what they carry and how they show."""

from __future__ import annotations

import inspect
import pickle

import pytest

from hailuo_nb import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]
OF_THE_CONTRACT = [
    "KeyMissing",
    "InvalidRequest",
    "UnknownVariant",
    "BudgetExceeded",
    "ConfirmationNeeded",
    "InsufficientCredits",
    "RateLimited",
    "SubmitUnconfirmed",
    "GenerationFailed",
    "ContentRejected",
    "DownloadFailed",
]


def test_every_error_of_the_module_is_exported() -> None:
    """Whoever writes `except errors.X` finds every X in __all__, and nothing else is there."""
    defined = {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)
    }
    assert set(errors.__all__) == defined
    assert list(errors.__all__) == sorted(errors.__all__)


@pytest.mark.parametrize("name", OF_THE_CONTRACT)
def test_the_contract_names_exist(name: str) -> None:
    """The names that the design promises are there, under the one base."""
    assert issubclass(getattr(errors, name), errors.HailuoError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """The drawing at the top of the module shows each class under its base."""
    stack: list[str] = []
    drawn: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ").split()
        if not words or not hasattr(errors, words[0]) or words[0] not in errors.__all__:
            continue
        depth = (line.index(words[0]) - 4) // 4
        del stack[depth:]
        drawn[words[0]] = stack[-1] if stack else None
        stack.append(words[0])
    bases = {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES if kind is not errors.HailuoError}
    assert drawn == {"HailuoError": None, **bases}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_shows_as_one_line_and_carries_its_job(kind: type[errors.HailuoError]) -> None:
    """In a notebook there is one line and no stack, and the job is at hand."""
    job = object()
    error = kind("No money. Top up.", job=job)
    assert error._render_traceback_() == [f"{kind.__name__}: No money. Top up."]
    assert error.job is job
    assert kind.__doc__


def test_what_they_carry_beside_the_message() -> None:
    """Facts are attributes, so that nobody has to read message text."""
    limited = errors.RateLimited("Slow down.", status_code=429, code=429, retry_after=2.5)
    assert (limited.status_code, limited.code, limited.retry_after) == (429, 429, 2.5)
    invalid = errors.InvalidRequest("a; b", faults=("a", "b"))
    assert invalid.faults == ("a", "b")
    assert errors.InvalidRequest("alone").faults == ("alone",)
    assert errors.ContentRejected("No.", code=1200).code == 1200


def test_an_error_survives_pickling() -> None:
    """An error may come back from another process with its message."""
    assert str(pickle.loads(pickle.dumps(errors.NotFound("gone")))) == "gone"
