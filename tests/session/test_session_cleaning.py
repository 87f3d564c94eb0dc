"""Cleaning with the key that is in use, from a session and from a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hailuo_nb.__main__ import main
from hailuo_nb.errors import NotClean
from hailuo_nb.session.cleaning import clean_notebook, refuse

KEY = "of-no-known-shape"


def write(folder: Path, *texts: str) -> Path:
    """Write a notebook of Markdown cells."""
    path = folder / "fox.ipynb"
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text} for text in texts]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    return path


def test_the_key_in_use_is_found_whatever_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in the environment or in the .env beside the notebook."""
    assert clean_notebook(write(tmp_path, f"say {KEY}")).found == ()
    (tmp_path / ".env").write_text(f"WAVESPEED_API_KEY={KEY}")
    assert clean_notebook(tmp_path / "fox.ipynb", check=True).total == 1
    (tmp_path / ".env").unlink()
    monkeypatch.setenv("WAVESPEED_API_KEY", KEY)
    assert clean_notebook(tmp_path / "fox.ipynb").is_written
    assert KEY not in (tmp_path / "fox.ipynb").read_text()


def test_what_is_left_to_do_is_an_error_with_its_lines(tmp_path: Path) -> None:
    """The error says how much there is, in one line that shows nothing of it."""
    path = write(tmp_path, "ghp_" + "a1" * 18, "/home/ana/x /home/bob/x")
    with pytest.raises(NotClean, match=r"fox.ipynb gives away 1 × key, 2 × home path; cleaning it") as raised:
        refuse(clean_notebook(path, check=True))
    assert raised.value.found == ("cell 1: 1 key (ghp_…) in its text", "cell 2: 2 home paths in its text")
    refuse(clean_notebook(path))


def test_a_shell_gets_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where nothing is left, 1 where a check found something, 2 where a file is no notebook; several at once."""
    path = str(write(tmp_path, "/home/ana/x"))
    assert main(["clean", "--check", path]) == 1
    assert "cell 1: 1 home path in its text" in capsys.readouterr().out
    assert main(["clean", path]) == 0
    assert main(["clean", "--check", path]) == 0
    assert main(["clean", path, str(tmp_path / "none.ipynb")]) == 2
    assert "There is no file none.ipynb" in capsys.readouterr().err
