"""``%hailuo export``, ``import`` and ``rerun``, and their siblings in Python, as a person types them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_shell import Shell, open_shell

import hailuo_nb as hn
from hailuo_nb import errors


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell with two clips."""
    folder = tmp_path_factory.mktemp("travel")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("HAILUO_", "WAVESPEED_")):
                patch.delenv(name)
        os.chdir(folder)
        try:
            with open_shell(folder) as opened:
                opened.run("%config HailuoMagics.simulator_speed = 500")
                opened.run(
                    "%%hailuo foxes << t2v-standard --name fox --tag shared --wait\nA fox {at dawn|at night}"
                )
                yield opened
        finally:
            os.chdir(before)


def test_clips_are_exported_by_all_that_names_them(shell: Shell) -> None:
    """A variable, a name, a tag, ids, nothing; the same file is written anew, and Python does the same."""
    ids = " ".join(job.id for job in shell.names["foxes"])
    data = set()
    for words in ("foxes ", "fox ", "shared ", f"{ids} ", ""):
        made = shell.run(f"%hailuo export {words}pack.zip")
        assert repr(made) == "pack.zip: 2 clips"
        data.add(made.path.read_bytes())
    for made in (
        hn.export(shell.names["foxes"], "pack.zip"),
        hn.export("pack.zip"),
        hn.export(None, Path("pack.zip")),
    ):
        data.add(Path(made).read_bytes())
    assert len(data) == 1


def test_a_pack_of_ones_own_is_here_already(shell: Shell) -> None:
    """The clips are shown, and nothing is written; the card's notes say so."""
    shell.run("%hailuo export foxes pack.zip")
    batch = shell.run("%hailuo import pack.zip")
    assert batch.notes == ("2 clips of pack.zip were here before.",)
    assert [job.id for job in batch] == [job.id for job in shell.names["foxes"]]
    assert hn.import_pack("pack.zip").notes == batch.notes


def test_a_clip_is_shown_again_from_its_file(shell: Shell) -> None:
    """By path, by the variable that holds one, by id, and from Python; nothing is paid for it."""
    job = shell.names["foxes"][1]
    shell.run("path = foxes[1].result()")
    for word in (job.file, "path", job.id, job.file.replace(".mp4", ".json")):
        batch = shell.run(f"%hailuo rerun {word} --max-cost 0")
        assert ([each.id for each in batch], batch[0].cached) == ([job.id], True)
    assert hn.rerun(job, max_cost=0, offline=True)[0].id == job.id
    recipe = hn.read_recipe(job.path)
    assert recipe is not None
    assert recipe["prompt"] == "A fox at night"
    assert hn.read_recipe("nothing.mp4") is None


def test_a_report_is_written_by_its_ending(shell: Shell) -> None:
    """The same command writes a page to be read; with no room for clips it holds their pictures."""
    shell.run("import hailuo_nb as hn")
    made = shell.run("%hailuo export foxes report.html --embed 0")
    assert repr(made) == "report.html: 2 clips"
    page = (shell.folder / "report.html").read_text("utf-8")
    assert page.count("data:image/jpeg") >= 2
    assert "data:video/mp4" not in page
    hn.export(shell.names["foxes"], "report.html")
    assert "data:video/mp4" in (shell.folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%hailuo export", "needs FILE, what to write"),
        ("%hailuo export foxes", "says not what to write"),
        ("%hailuo export nobody pack.zip", "No clip's id begins with 'nobody'"),
        ("%hailuo export foxes pack.txt", "end its name in .html for a report"),
        ("%hailuo export foxes pack.zip --embed 1MB", "leave out embed"),
        ("%hailuo export foxes report.html --embed much", "A size is written as 20 MB"),
        ("%hailuo import", "needs FILE, the pack"),
        ("%hailuo import no.zip", "There is no pack no.zip"),
        ("%hailuo import a.zip b.zip", "takes one FILE"),
        ("%hailuo rerun", "needs FILE"),
        ("%hailuo rerun no.mp4", "There is no clip no.mp4"),
        ("%hailuo rerun foxes", "That is 2 clips"),
        ("hn.export(foxes, None)", "Say where to write it"),
    ],
)
def test_a_mistake_is_one_line(shell: Shell, code: str, words: str) -> None:
    """It says what to do, and nothing is written."""
    shell.run("import hailuo_nb as hn")
    with pytest.raises(errors.InvalidRequest) as caught:
        shell.run(code)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_imported_clip_says_who_paid(shell: Shell, tmp_path: Path) -> None:
    """On its card and in the table: the cost is told, and is in no sum."""
    from hailuo_nb.notebook.compose import Known, card_of
    from hailuo_nb.notebook.table import ClipTable, table_html, totals
    from hailuo_nb.session import packing
    from hailuo_nb.session.session import Session

    shell.run("%hailuo export foxes pack.zip")
    session = Session(tmp_path)
    try:
        batch = packing.import_pack(session, shell.folder / "pack.zip")
        frame = session.history()
        assert totals(frame) == "2 imported"
        assert "imported" in table_html(ClipTable(frame), {})
        card = card_of(batch, Known())
        assert [clip.cost_note for clip in card.clips] == ["imported: somebody else paid"] * 2
        assert batch[0].cost_usd == shell.names["foxes"][0].cost_usd
    finally:
        session.close()
