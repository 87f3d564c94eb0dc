"""Every command and block of the README is run, and every list in it is held against the code."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hailuo_nb.settings import Settings

sys.path.insert(0, str(Path(__file__).parent / "notebook"))
from notebook_shell import Shell, open_shell

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Give a shell with a fast simulator."""
    monkeypatch.setenv("HAILUO_SIMULATOR_SPEED", "100")
    with open_shell(tmp_path) as opened:
        yield opened


def test_every_python_block_runs_in_order(shell: Shell) -> None:
    """A reader who types the README's cells from top to bottom gets clips, tables and no error."""
    cells = [text for language, text in BLOCKS if language == "python"]
    assert len(cells) >= 6
    for cell in cells:
        shell.run(cell)
    assert shell.names["path"].is_file()
    assert shell.names["marble"][0].result(60).is_file()
    assert shell.names["next_clip"].result(60).is_file()


def test_the_commands_are_those_that_ci_and_the_fresh_environment_run() -> None:
    """The two set-up commands stand here once, and their other tests read them from here."""
    commands = [text.strip() for language, text in BLOCKS if language == "sh"]
    assert commands == [
        "pip install '.[lab]' && jupyter lab notebooks/01_quickstart.ipynb",
        "pip install '.[test]' && pytest",
    ]
    assert "README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_settings_table_names_every_setting_and_its_default() -> None:
    """What can be set is what the table says."""
    told = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", README, re.MULTILINE))))
    fields = {
        name for name in Settings.__dataclass_fields__ if name not in {"sources", "ignored", "base_url"}
    }
    assert fields <= told
    defaults = Settings()
    assert f"| `confirm_above_usd` | `{defaults.confirm_above_usd}` |" in README
    assert f"| `max_clips` | `{defaults.max_clips}` |" in README
    assert f"| `variant` | `{defaults.variant}` |" in README


def test_every_link_and_picture_in_the_repository_is_there() -> None:
    """No relative link leads nowhere."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).is_file(), target
