"""Cells and line magics in a real IPython shell, most of them without a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from compared_clips import write_ledger
from IPython.core.interactiveshell import InteractiveShell
from notebook_shell import Shell, open_shell

from hailuo_nb import errors
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.notebook.extension import with_body
from hailuo_nb.notebook.option_table import COMMANDS


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a shell in an empty folder."""
    with open_shell(tmp_path) as opened:
        yield opened


BAD_CELLS = {
    "an unknown variant": ("%%hailuo t2v-prro\na fox", errors.UnknownVariant, "t2v-pro"),
    "an unknown option": ("%%hailuo t2v-pro --takse 2\na fox", errors.InvalidRequest, "--takes"),
    "no prompt": ("%%hailuo t2v-pro\n\n", errors.InvalidRequest, "prompt"),
    "a prompt too long": ("%%hailuo t2v-pro\n" + "x" * 2001, errors.InvalidRequest, "2000"),
    "a length it has not": ("%%hailuo t2v-pro -d 10\na fox", errors.InvalidRequest, "t2v-standard"),
    "a length nobody has": ("%%hailuo t2v-standard -d 7\na fox", errors.InvalidRequest, "6"),
    "no picture": ("%%hailuo i2v-pro\na fox", errors.InvalidRequest, "--image"),
    "a picture too many": (
        "%%hailuo t2v-pro --image https://example.com/a.png\na fox",
        errors.InvalidRequest,
        "image",
    ),
    "a picture that is not there": (
        "%%hailuo i2v-pro --image none.png\na fox",
        errors.InvalidRequest,
        "none.png",
    ),
    "a picture that is none": ("%%hailuo i2v-pro --image bad.png\na fox", errors.InvalidRequest, "bad.png"),
    "a picture of nothing": ("%%hailuo i2v-pro --image {{nothing}}\na fox", errors.InvalidRequest, "nothing"),
    "an unknown input": ("%%hailuo t2v-pro --set sed=1\na fox", errors.InvalidRequest, "sed"),
    "go_fast where there is none": ("%%hailuo t2v-pro --go-fast\na fox", errors.InvalidRequest, "go_fast"),
    "an open brace": ("%%hailuo t2v-pro\na {{fox", errors.PromptInvalid, "{{"),
    "an unknown name": ("%%hailuo t2v-pro\na {{fox}}", errors.PromptInvalid, "fox"),
    "an empty alternative": ("%%hailuo t2v-pro\na {red|} fox", errors.PromptInvalid, "|"),
    "an axis nobody uses": ('%%hailuo t2v-pro --vary "light=a|b"\na fox', errors.PromptInvalid, "light"),
    "a missing variable": (
        "%%hailuo t2v-pro --vary light=$lights\na {light} fox",
        errors.InvalidRequest,
        "lights",
    ),
    "too many clips": ("%%hailuo t2v-pro --takes 17\na fox", errors.TooManyClips, "max-clips"),
    "too dear": ("%%hailuo t2v-pro --max-cost 0.48\na fox", errors.BudgetExceeded, "$0.49"),
    "not on disk": ("%%hailuo t2v-pro --offline\na fox", errors.NotOnDisk, "--offline"),
    "no such file": ("%%hailuo t2v-pro --file none.txt\n\n", errors.InvalidRequest, "none.txt"),
    "a file and a text": ("%%hailuo t2v-pro --file p.txt\na fox", errors.InvalidRequest, "--file"),
    "a key on the line": (
        "%%hailuo t2v-pro --api-key abc\na fox",
        errors.InvalidRequest,
        "WAVESPEED_API_KEY",
    ),
    "a frame that is not there": ("%%hailuo t2v-pro --from df\na {fox}", errors.InvalidRequest, "df"),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_a_bad_cell_gets_one_line_and_leaves_no_row(shell: Shell, tmp_path: Path, case: str) -> None:
    """Every mistake says what to do, is one line, and comes before there is a folder, a row or a service."""
    (tmp_path / "bad.png").write_text("<html>no picture</html>")
    (tmp_path / "p.txt").write_text("a fox")
    cell, kind, said = BAD_CELLS[case]
    with pytest.raises(kind) as caught:
        shell.run(cell)
    lines = str(caught.value).splitlines()
    assert said in str(caught.value)
    # A prompt's mistake adds the place, with a caret under it.
    assert len(lines) == (3 if isinstance(caught.value, errors.PromptInvalid) else 1)
    assert not shell.has_ledger()


def test_an_error_shows_as_one_line(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """IPython prints our errors without a stack of ours."""
    shell.ip.run_cell("%%hailuo t2v-prro\na fox")
    shown = capsys.readouterr().out
    assert "UnknownVariant" in shown
    assert "Traceback" not in shown
    assert "hailuo_nb/" not in shown


def test_a_dry_run_gives_a_table_and_writes_nothing(shell: Shell) -> None:
    """Prompts, axes and prices stand in a DataFrame; no folder, no simulator."""
    table = shell.run("%%hailuo plan << t2v-standard t2v-pro --dry-run\na {red|grey} fox")
    assert list(table["prompt"]) == ["a red fox", "a grey fox"] * 2
    assert list(table["quote_usd"]) == [0.28, 0.28, 0.49, 0.49]
    assert table.attrs["new_usd"] == 1.54
    assert shell.names["plan"] is table
    assert not shell.has_ledger()


def test_values_of_the_notebook_reach_the_prompt(shell: Shell) -> None:
    """``{{expr}}`` is worked out, ``$name`` brings a list, and dollar signs and braces stay as they are."""
    shell.names["animal"] = "fox"
    shell.names["lights"] = ["dawn", "dusk"]
    table = shell.run(
        "%%hailuo t2v-pro --dry-run --vary light=$lights\na {{animal|upper}} at {light} for $5, \\{x}"
    )
    assert list(table["prompt"]) == ["a FOX at dawn for $5, {x}", "a FOX at dusk for $5, {x}"]


def test_a_file_of_prompts_is_text_only(shell: Shell, tmp_path: Path) -> None:
    """``--file`` brings prompts parted by ---, and nothing in them is worked out."""
    (tmp_path / "prompts.txt").write_text("a fox\n---\na {{secret}} bird\n", "utf-8")
    shell.names["secret"] = "leaked"
    table = shell.run("%%hailuo t2v-pro --dry-run --file prompts.txt\n\n")
    assert list(table["prompt"]) == ["a fox", "a {{secret}} bird"]


def test_a_cell_without_a_body_runs(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """IPython refuses cell magics with nothing below; these need nothing there."""
    (tmp_path / "prompts.txt").write_text("a fox", "utf-8")
    shell.names["df"] = pd.DataFrame({"prompt": ["an owl"]})
    assert list(shell.run("%%hailuo --dry-run --file prompts.txt")["prompt"]) == ["a fox"]
    assert list(shell.run("\n%%hailuo --dry-run --from df\n")["prompt"]) == ["an owl"]
    shell.run("%%hailuo --help")
    assert "--takes" in capsys.readouterr().out
    with pytest.raises(errors.InvalidRequest, match="prompt"):
        shell.run("%%hailuo t2v-pro")


def test_prompts_come_from_a_frame(shell: Shell) -> None:
    """Columns fill the text row by row, in braces and in expressions; the rest of a row says how it is made."""
    shell.names["df"] = pd.DataFrame(
        {"animal": ["fox", "{a|b}"], "legs": [4, 2], "duration": [6, 10], "note": ["x", None]}
    )
    table = shell.run(
        "%%hailuo plan << t2v-standard --from $df --dry-run\nA {animal} on {{legs + 1}}, {light: dawn|dusk}"
    )
    assert list(table["prompt"]) == [
        "A fox on 5, dawn",
        "A fox on 5, dusk",
        "A {a|b} on 3, dawn",
        "A {a|b} on 3, dusk",
    ]
    assert list(table["duration_s"]) == [6, 6, 10, 10]
    assert list(table["quote_usd"]) == [0.28, 0.28, 0.56, 0.56]
    assert list(table["params.animal"]) == ["fox", "fox", "{a|b}", "{a|b}"]
    with pytest.raises(errors.InvalidRequest, match="duration is a column of df"):
        shell.run("%%hailuo t2v-standard --from df -d 6 --dry-run\nA {animal}")
    with pytest.raises(errors.PromptInvalid, match="did you mean anmial"):
        shell.run("%%hailuo t2v-standard --from df --dry-run\nA {anmial}")


def test_help_is_printed_and_nothing_done(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """``%%hailuo --help`` and ``%hailuo help`` explain."""
    shell.run("%%hailuo --help\nx")
    shell.run("%hailuo help")
    shell.run("%hailuo help retry")
    shown = capsys.readouterr().out
    assert "--takes" in shown
    assert "%hailuo COMMAND" in shown
    assert "send failed clips again" in shown


def test_settings_are_checked_when_they_are_set(shell: Shell) -> None:
    """``%config`` takes a good value and refuses a bad one at once."""
    shell.run("%config HailuoMagics.variant = 't2v-pro'")
    assert list(shell.run("%%hailuo --dry-run\na fox")["variant"]) == ["t2v-pro"]
    magics = shell.ip._hailuo_nb_magics
    with pytest.raises(Exception, match="whole number"):
        magics.max_clips = "many"
    magics.max_clips = 1
    with pytest.raises(errors.TooManyClips):
        shell.run("%%hailuo\na {red|grey} fox")


def test_every_built_command_runs_before_there_is_anything(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an empty folder each command answers or says in one line what is missing."""
    arguments = {"cancel": "x", "retry": "x", "resend": "x", "abandon": "x", "adopt": "x y", "key": "status"}
    arguments |= {"promote": "x --to t2v-pro", "join": "x film.mp4", "chain": '"a fox wakes" --dry-run'}
    for line in ("%hailuo compare x", "%hailuo vote x"):
        with pytest.raises(errors.InvalidRequest, match="run a %%hailuo cell first"):
            shell.run(line)
    arguments |= {"rate": "x 3", "rerun": "x", "export": "x pack.zip", "import": "x.zip", "clean": "x.ipynb"}
    for command in COMMANDS:
        if command.name in {"balance", "compare", "vote"}:
            continue
        line = f"%hailuo {command.name} {arguments.get(command.name, '')}"
        if command.name in arguments.keys() - {"key", "chain"} | {"show"}:
            with pytest.raises(
                errors.InvalidRequest,
                match=r"run a %%hailuo cell first|No clip's id begins|is no pack|no file x",
            ):
                shell.run(line)
        else:
            shell.run(line)
    shown = capsys.readouterr().out
    assert "Nothing is out" in shown
    assert "No key: the simulator is used" in shown


def test_clips_are_compared_and_voted_on_by_name_variable_and_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line, a call and a batch's own method give the same; a terminal shows text, and nobody to vote."""
    ids = write_ledger(tmp_path, ({"light": "dawn"}, {"light": "noon"}))
    with open_shell(tmp_path) as shell:
        shown = shell.run("%hailuo compare fox --x light")
        assert repr(shown) == "<2 clips side by side, light>"
        shell.run("import hailuo_nb as hn; batch = %hailuo show fox")
        for code in ("hn.compare(batch)", "batch.compare(x='light')", "%hailuo compare batch"):
            assert len(shell.run(code)) == 2
        shell.run("files = ['hailuo/clips/fox #0 é-t1.mp4']")
        assert len(shell.run(f"%hailuo compare files {ids[1]}")) == 2
        assert "0 votes given, 1 left" in repr(shell.run("hn.vote(batch, by='light', votes=1)"))
        shell.run("%hailuo vote batch --by light --votes 1")
        with pytest.raises(errors.InvalidRequest, match="there is no such axis"):
            shell.run("%hailuo compare fox --y wind")
    said = capsys.readouterr().out
    assert "dawn · hailuo/clips/fox #0 é-t1.mp4" in said
    assert "A vote needs somebody who looks" in said


def test_show_draws_anything_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name, ids of an earlier kernel, a frame, a comparison; what failed and what is unconfirmed too."""
    lights = tuple({"light": light} for light in ("dawn", "noon", "dusk"))
    ids = write_ledger(tmp_path, lights, done=1, ends={1: "failed", 2: "unconfirmed"})
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as ledger:
        batch = ledger.row(ids[0]).batch_id
    with open_shell(tmp_path) as shell:
        shell.run(
            "import hailuo_nb as hn; rows = hn.history(); sides = hn.compare('fox')\nit = %hailuo show fox"
        )
        for what, clips in {"fox": 3, batch: 3, ids[1]: 1, ids[2][:6]: 1, "rows": 3, "it": 3, "": 3}.items():
            shown = shell.run(f"%hailuo show {what}")
            assert len(shown) == clips
        assert shell.run("%hailuo show sides") is shell.names["sides"]
        capsys.readouterr()
        for id_, said in ((ids[1], "The service said (1301)."), (ids[2], "unconfirmed")):
            shell.run(f"%hailuo show {id_}")
            assert said in capsys.readouterr().out


def test_variants_and_quote_tell_prices(shell: Shell) -> None:
    """The tables hold every variant, its price, and what more seconds and takes cost."""
    variants = shell.run("%hailuo variants")
    assert variants.loc["t2v-pro", "price_usd"] == "0.49"
    assert "enable_prompt_expansion" in shell.run("%hailuo variants t2v-pro").index
    quote = shell.run("%hailuo quote t2v-standard fast --duration 6,10 --takes 2")
    assert list(quote["total_usd"]) == [0.56, 1.12, 0.38, 0.64]
    assert set(quote["source"]) == {"table"}
    assert not shell.has_ledger()


def test_a_key_is_never_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%hailuo key status`` tells where it is from and its last four letters."""
    monkeypatch.setenv("WAVESPEED_API_KEY", "canary-key-0123456789abcdef")
    shell.run("%hailuo key status")
    shown = capsys.readouterr().out
    assert "the environment" in shown
    assert "cdef" in shown
    assert "canary" not in shown


def test_loading_registers_and_unloading_takes_away(tmp_path: Path) -> None:
    """Unloading undoes exactly what loading did."""
    with open_shell(tmp_path) as shell:
        assert "hailuo" in shell.ip.magics_manager.magics["cell"]
        shell.ip.run_line_magic("unload_ext", "hailuo_nb")
        assert "hailuo" not in shell.ip.magics_manager.magics["cell"]
        assert "hailuo" not in shell.ip.magics_manager.magics["line"]
        assert with_body not in shell.ip.input_transformers_cleanup
        shell.ip.run_line_magic("load_ext", "hailuo_nb")
    assert not InteractiveShell.initialized()
