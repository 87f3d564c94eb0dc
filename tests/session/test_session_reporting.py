"""A report from a session: of a batch, of names, of everything there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_clips import write_ledger

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.session.reporting import read_size, write_report


def test_a_session_reports_on_whatever_names_clips(tmp_path: Path, open_session: Any) -> None:
    """Real clips, with the posters that the worker draws; relative paths are the notebook's."""
    ids = write_ledger(tmp_path, ({"light": "dawn"}, {"light": "noon"}))
    session = open_session()
    path = write_report(session, None, "out.html")
    assert path == tmp_path / "out.html"
    assert path.read_text("utf-8").count("<video ") == 2
    batch = session.batch_of([session.job(ids[1])])
    for what in (batch, batch.jobs, session.job(ids[1]), ids[1], session.history(ids=[ids[1]])):
        text = write_report(session, what, "out.html", embed="0", title="One fox").read_text("utf-8")
        assert (text.count("<figure "), text.count("<video ")) == (1, 0)
        assert "<h1><bdi>One fox</bdi></h1>" in text
        assert 'class="frame" href="hailuo/clips/fox%20%231' in text


@pytest.mark.parametrize(
    ("said", "size"),
    [("20 MB", 20_000_000), ("1.5MB", 1_500_000), ("500 kB", 500_000), ("0", 0), (7, 7), ("1 gb", 10**9)],
)
def test_sizes_are_read_as_people_write_them(said: str | int, size: int) -> None:
    """Decimal units, as everywhere else here."""
    assert read_size(said) == size


@pytest.mark.parametrize("said", ["20 MiB", "-1", "many", "", -1, True])
def test_a_wrong_size_is_refused(said: Any) -> None:
    """The line says how sizes are written."""
    with pytest.raises(InvalidRequest, match="written as 20 MB"):
        read_size(said)
