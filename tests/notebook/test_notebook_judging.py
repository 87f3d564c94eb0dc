"""``%hailuo rate`` and ``%hailuo rank`` in a real shell, and their siblings in Python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from notebook_shell import Shell, open_shell
from PIL import Image

import hailuo_nb as hn
from hailuo_nb import errors
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.session.sheet import Sheet

STEPS = ("submitting", "submitted", "processing", "downloading", "completed")
VARIANTS = ("t2v-pro", "t2v-standard")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a shell in an empty folder."""
    with open_shell(tmp_path) as opened:
        yield opened


@pytest.fixture
def ids(shell: Shell) -> list[str]:
    """Put a finished clip of each variant into the session's ledger, named fox."""
    ledger = hn.session().ledger
    found = []
    for variant in VARIANTS:
        new = NewClip(
            service="simulator",
            request_hash=hashlib.sha256(variant.encode()).hexdigest(),
            variant=variant,
            model_id=variant,
            prompt="a fox",
            inputs={"prompt": "a fox"},
            quote_usd=Decimal("0.49"),
            name="fox",
        )
        got = ledger.reserve(NewBatch(), [new])[0]
        assert got.fence is not None
        for status in STEPS:
            columns = {"path": f"hailuo/clips/{variant}.mp4"} if status == "completed" else {}
            ledger.move(got.row.id, fence=got.fence, to=status, **columns)
        found.append(got.row.id)
    return found


@pytest.mark.parametrize(
    ("line", "rating", "note", "said"),
    [
        ("4", 4, None, "4 stars"),
        ('1 --note "too dark"', 1, "too dark", "1 star, note kept"),
        ("0", 0, None, "rejected"),
        ('--note "nice $5 <b>"', None, "nice $5 <b>", "note kept"),
        ("none", None, None, "no rating"),
    ],
)
def test_rating_on_a_line(
    shell: Shell,
    ids: list[str],
    capsys: pytest.CaptureFixture[str],
    line: str,
    rating: int | None,
    note: str | None,
    said: str,
) -> None:
    """Stars, a reject, a note, or none of them; the line says what was written."""
    shell.run(f"%hailuo rate {ids[0]} {line}")
    row = hn.session().ledger.row(ids[0])
    assert (row.rating, row.note) == (rating, note)
    assert f"Clip {ids[0]}: {said}." in capsys.readouterr().out


def test_a_name_rates_all_its_clips(shell: Shell, ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And what came before goes."""
    shell.run("%hailuo rate fox 2")
    shell.run("%hailuo rate fox none")
    assert "2 clips: 2 stars." in capsys.readouterr().out
    assert [hn.session().ledger.row(clip_id).rating for clip_id in ids] == [None, None]


@pytest.mark.parametrize("words", ["fox 6", "fox ten", "fox -1", "fox", "fox 4 5", ""])
def test_a_rating_that_is_none_is_one_line(shell: Shell, ids: list[str], words: str) -> None:
    """And nothing is written."""
    with pytest.raises(errors.InvalidRequest) as caught:
        shell.run(f"%hailuo rate {words}")
    assert "\n" not in str(caught.value)
    assert hn.session().ledger.row(ids[0]).rating is None


def test_ranking_on_a_line(shell: Shell, ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The table comes back; what it does not tell is printed."""
    frame = shell.run("%hailuo rank fox")
    assert "Not enough votes: there are none between these yet." in capsys.readouterr().out
    assert frame["rank"].isna().all()
    ballot = hn.ballot("fox", by="variant", seed=1, votes=8)
    while (pair := ballot.next_pair()) is not None:
        ballot.answer(pair.left, "left" if ballot.clip(pair.left) == ids[0] else "right")
    frame = shell.run("table = %hailuo rank --by variant\ntable")
    assert list(frame.index) == list(VARIANTS)
    assert list(frame["rank"]) == [1, 2]
    assert "simulated dollars" in capsys.readouterr().out
    assert frame.equals(hn.rank("fox"))
    with pytest.raises(errors.InvalidRequest, match="did you mean variant"):
        shell.run("%hailuo rank fox --by varient")


def test_measures_on_a_line(shell: Shell, ids: list[str]) -> None:
    """Columns for all of them; a clip whose file has gone is named in the frame."""
    frame = shell.run("%hailuo history --measures")
    assert "m.motion_px" in frame
    assert len(frame.attrs["unmeasured"]) == 2
    assert "m.motion_px" not in shell.run("%hailuo history")


def test_measures_go_with_every_filter(shell: Shell, ids: list[str]) -> None:
    """The filters of the line and of Python choose what is measured, as they choose what is given."""
    for frame in (
        shell.run("%hailuo history --variant t2v-pro --measures"),
        hn.history(variant="t2v-pro", measures=True),
    ):
        assert list(frame["id"]) == ids[:1]
        assert "m.motion_px" in frame
        assert len(frame.attrs["unmeasured"]) == 1  # there is no such file
    with pytest.raises(errors.InvalidRequest, match="leave out the other filters"):
        hn.history(cell=True, text="fox", measures=True)


def test_a_sheet_is_shown_as_a_picture_that_a_notebook_can_keep(shell: Shell) -> None:
    """A JPEG of at most 1200 pixels; the PNG is for its file."""
    drawn = BytesIO()
    Image.effect_noise((2400, 800), 80).save(drawn, "PNG")
    hn.session()
    formatters = shell.ip.display_formatter.formatters
    sheet = Sheet(drawn.getvalue())
    assert formatters["image/png"](sheet) is None
    kept = formatters["image/jpeg"](sheet)
    with Image.open(BytesIO(kept)) as shown:
        assert shown.size == (1200, 400)
    assert len(kept) < len(sheet.png) / 3
