"""The names that ``import hailuo_nb as hn`` hands on, and how little that import loads."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import hailuo_nb as hn
from hailuo_nb.notebook import api
from hailuo_nb.session.asking import asked_from
from hailuo_nb.session.session import Session

HEAVY = (
    "IPython",
    "pandas",
    "httpx",
    "sqlalchemy",
    "av",
    "numpy",
    "ipywidgets",
    "anywidget",
    "jinja2",
    "PIL",
)
# The contract's own signature of generate, in its order.
CONTRACT = [
    "prompt",
    "variant",
    "duration",
    "image",
    "takes",
    "vary",
    "zip",
    "name",
    "tags",
    "expand",
    "inputs",
    "raw",
    "dry_run",
    "offline",
    "wait",
    "yes",
    "max_cost",
    "max_clips",
]


def test_every_name_exists_and_has_a_docstring() -> None:
    """Each name of __all__ can be had, is listed by dir() and says what it is for."""
    for name in hn.__all__:
        assert inspect.getdoc(getattr(hn, name)), name
        assert name in dir(hn)


def test_the_functions_that_share_a_name_with_a_room_can_be_called() -> None:
    """``hn.jobs()`` and ``hn.session()`` work before and after their rooms are imported, and the rooms stay modules."""
    code = (
        "import hailuo_nb as hn; first = callable(hn.jobs), callable(hn.session)\n"
        "import hailuo_nb.jobs.pace as pace, hailuo_nb.session.plan\n"
        "from hailuo_nb.jobs import waiting\n"
        "print(first, hn.jobs(), type(hn.session()).__name__, hn.jobs.pace is pace, waiting.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "(True, True) [] Session True hailuo_nb.jobs.waiting", done.stderr


def test_a_wrong_name_is_an_attribute_error() -> None:
    """A misspelt name behaves as with any module, so hasattr() works."""
    assert not hasattr(hn, "genrate")
    with pytest.raises(AttributeError, match="genrate"):
        _ = hn.genrate


def run(code: str) -> str:
    """Run code in a fresh Python; gives what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    """The import costs next to nothing, and starts nothing."""
    code = (
        "import sys, threading, hailuo_nb; hailuo_nb.errors; dir(hailuo_nb); "
        f"print([m for m in {HEAVY} if m in sys.modules], threading.active_count())"
    )
    assert run(code) == "[] 1"


def test_using_a_name_needs_no_ipython() -> None:
    """A plain script gets by without IPython's shell ever being asked for; no thread runs before it is needed."""
    code = "import hailuo_nb as hn, threading; s = hn.session(); print(s.front, threading.active_count())"
    assert run(code) == "None 1"


def test_generate_takes_what_the_contract_says() -> None:
    """The contract's arguments are there, keyword-only after the variant, with its defaults."""
    parameters = inspect.signature(api.generate).parameters
    assert [name for name in parameters if name in CONTRACT] == CONTRACT
    kinds = {name: p.kind for name, p in parameters.items()}
    assert [n for n, kind in kinds.items() if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD] == [
        "prompt",
        "variant",
    ]
    expected = {"takes": 1, "tags": (), "raw": False, "dry_run": False, "offline": False, "yes": False}
    for name in CONTRACT[1:]:
        assert parameters[name].default == expected.get(name), name


def test_every_argument_is_explained_and_reaches_the_session() -> None:
    """No argument of generate is undocumented, or silently dropped on the way down."""
    doc = inspect.getdoc(api.generate) or ""
    below = {
        *inspect.signature(Session.generate).parameters,
        *inspect.signature(asked_from).parameters,
    }
    for name in inspect.signature(api.generate).parameters:
        assert f"\n{name} : " in doc or f"\n{name}, " in doc or f", {name}\n" in doc, name
        assert name in below, name
