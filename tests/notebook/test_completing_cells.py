"""Completion in cells: a text with the cursor in it (``‸``), and what may stand there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from notebook_shell import Shell, open_shell

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.peek import Seen
from hailuo_nb.notebook.completing.answering import answer
from hailuo_nb.notebook.completing.known import Answer, Known
from hailuo_nb.notebook.option_table import COMMANDS
from hailuo_nb.notebook.options import parse_cell_line

FRAME = pd.DataFrame({"animal": ["fox"], "place": ["river"], "two words": [1]})
CLIPS = (
    Seen("c1a2", "b1", "fox", "completed", "t2v-pro", ("keep",), {"light": "dawn"}),
    Seen("c3d4", "b1", "owl", "failed", "fast", (), {"light": "dusk"}),
    Seen("c5e6", "b2", "kite", "unconfirmed", "fast", (), {}),
)


def known_in(folder: Path) -> Known:
    """Give what a notebook knows that has a frame, a text and three clips."""
    for name in (
        "photo.png",
        "my photo.jpg",
        "clip.mp4",
        "notes.txt",
        "pack.zip",
        "fox.ipynb",
        ".hidden.png",
    ):
        (folder / name).touch()
    (folder / "pictures").mkdir(exist_ok=True)
    names = {"frame": FRAME, "animal": "fox", "_private": 1}
    return Known(names, folder=folder, newest=lambda: CLIPS)


def asked(text: str, known: Known) -> Answer | None:
    """Ask at the cursor."""
    before, _, after = text.partition("‸")
    return answer(before + after, len(before), known)


def offered(text: str, known: Known) -> list[str] | None:
    """Give the candidates at the cursor; None where completion is not ours."""
    found = asked(text, known)
    return None if found is None else [each.text for each in found.candidates]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("%%hailuo t2v-‸", ["t2v-pro", "t2v-standard"]),
        ("%%hailuo fox << t2v-p‸", ["t2v-pro"]),
        ("%%hailuo t2v-standard --dur‸", ["--duration"]),
        ("%%hailuo t2v-standard -d ‸", ["6", "10"]),
        ("%%hailuo fast-pro -d ‸", ["6"]),
        ("%%hailuo fast --fit ‸", ["pad", "crop"]),
        ("%%hailuo i2v-pro --image ph‸", ["photo.png"]),
        ("%%hailuo i2v-pro --image my‸", ['"my photo.jpg"']),
        ("%%hailuo i2v-pro --image pic‸", ["pictures/"]),
        ("%%hailuo t2v-pro --from ‸", ["frame"]),
        ("%%hailuo t2v-pro --name ‸", ["fox", "owl", "kite"]),
        ("%%hailuo t2v-pro --tag k‸", ["keep"]),
        ("%%hailuo t2v-pro --vary ‸\nA {light} fox", ["light="]),
        ("%%hailuo t2v-pro --vary light=d‸\nA {light} fox", ["dawn", "dusk"]),
        ("%%hailuo t2v-pro --file ‸", ["pictures/", "notes.txt"]),
        ("%%hailuo t2v-pro --from frame\nA {‸ fox", ["animal}", "place}"]),
        ("%%hailuo t2v-pro\nA {{an‸}} fox", ["animal"]),
        ("%%hailuo t2v-pro\nA fox, [Pan l‸", ["Pan left"]),
        ("%%hailuo t2v-pro\nA fox, [Pan left, Push‸", ["Push in"]),
        ("%hailuo hist‸", ["history"]),
        ("clips = %hailuo history --status com‸", ["completed"]),
        ("%hailuo history --axis light=du‸", ["dusk"]),
        ("%hailuo resend ‸", ["kite", "c5e6"]),
        ("%hailuo import ‸", ["pictures/", "pack.zip"]),
        ("%hailuo clean f‸", ["fox.ipynb"]),
        ("%hailuo rerun cl‸", ["clip.mp4"]),
    ],
)
def test_what_may_stand_there(tmp_path: Path, text: str, first: list[str]) -> None:
    """The candidates that fit come first, and each begins with what is typed."""
    found = offered(text, known_in(tmp_path))
    assert found is not None
    assert sorted(found[: len(first)]) == sorted(first)


@pytest.mark.parametrize(
    "text",
    [
        "%%hailuo t2v-pro\nA fox‸",
        "%%hailuo t2v-pro\nPrice: $‸",
        "%%hailuo t2v-pro\n\\{‸",
        "%%hailuo t2v-pro zzz‸",
    ],
)
def test_ordinary_words_are_left_alone(tmp_path: Path, text: str) -> None:
    """The user's own words are completed by nobody."""
    assert offered(text, known_in(tmp_path)) == []


@pytest.mark.parametrize(
    "text", ["print(‸", "%%time\nimport os‸", "x = 1 # %hailuo his‸", "%%hailu‸", "%cd ‸"]
)
def test_other_cells_are_not_ours(tmp_path: Path, text: str) -> None:
    """Python's own completion is asked there."""
    assert offered(text, known_in(tmp_path)) is None


def test_what_fits_the_line_comes_first_and_what_is_given_is_not_offered_again(tmp_path: Path) -> None:
    """With a picture the variants that take one; no option twice; ``--raw`` rules out ``--vary``."""
    known = known_in(tmp_path)
    variants = offered("%%hailuo --image photo.png ‸", known)
    assert variants is not None
    assert {"i2v-pro", "i2v-standard", "fast", "fast-pro"} <= set(variants[:4])
    options = offered("%%hailuo t2v-pro --takes 2 --raw --‸", known)
    assert options is not None
    assert {"--takes", "--raw", "--vary"}.isdisjoint(options)
    assert "--duration" in options


def test_every_command_is_offered(tmp_path: Path) -> None:
    """The list is the table's."""
    assert offered("%hailuo ‸", known_in(tmp_path)) == [command.name for command in COMMANDS]


@given(
    line=st.sampled_from(
        ["", "t2v-pro ", "fast -d ", "t2v-pro --", "x << ", "i2v-pro --f", "fast --expand --"]
    ),
    pick=st.integers(0, 60),
)
def test_what_is_accepted_is_spelt_right(line: str, pick: int) -> None:
    """Whatever candidate is taken, the parser never calls it misspelt."""
    start = "%%hailuo "
    known = Known({"frame": FRAME})
    found = asked(f"{start}{line}‸", known)
    assert found is not None
    if not found.candidates:
        return
    chosen = found.candidates[pick % len(found.candidates)].text
    whole = (start + line)[: found.start].removeprefix(start) + chosen
    said = refusal(whole)
    assert "did you mean" not in said, whole
    assert "is no option" not in said, whole


def refusal(line: str) -> str:
    """Give what the parser has against a line; nothing where it is right."""
    try:
        parse_cell_line(line)
    except InvalidRequest as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell with the extension loaded."""
    with open_shell(tmp_path_factory.mktemp("completing")) as opened:
        yield opened


def completed(shell: Shell, text: str) -> list[str]:
    """Ask IPython itself, as a front end does."""
    before = text.removesuffix("‸")
    with provisionalcompleter():
        return [each.text for each in shell.ip.Completer.completions(before, len(before))]


def test_ipython_shows_ours_alone_in_our_cells(shell: Shell) -> None:
    """No Python name is mixed in, and Python's cells have none of ours."""
    assert completed(shell, "%%hailuo t2v-p‸") == ["t2v-pro"]
    assert completed(shell, "%%hailuo t2v-pro\nA fox, [Truck l‸") == ["Truck left"]
    assert completed(shell, "%%hailuo t2v-pro\nprin‸") == []
    assert "print" in completed(shell, "prin‸")


def test_unloading_takes_it_away(tmp_path: Path) -> None:
    """The completer is left as it was found."""
    with open_shell(tmp_path) as shell:
        matchers = shell.ip.Completer.custom_matchers
        ours = [one for one in matchers if getattr(one, "matcher_identifier", "") == "hailuo"]
        assert len(ours) == 1
        shell.run("%unload_ext hailuo_nb")
        assert ours[0] not in matchers
        shell.run("%load_ext hailuo_nb")


def test_the_first_tab_loads_nothing_heavy() -> None:
    """A fresh kernel's first Tab is as quick as the others."""
    code = (
        "import sys\nfrom hailuo_nb.notebook.completing.answering import answer\n"
        "from hailuo_nb.notebook.completing.known import Known\n"
        "assert answer('%%hailuo t2v-p', 14, Known({})).candidates\n"
        "print([m for m in ('pandas', 'httpx', 'sqlalchemy', 'av', 'ipywidgets', 'anywidget') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
