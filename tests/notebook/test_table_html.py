"""The table, the pivot and the plot as HTML: what is in them, and what cannot be."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clip_ledger import write_ledger
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.pivots import pivot
from hailuo_nb.analysis.plots import outcomes
from hailuo_nb.errors import InvalidRequest, SetupError
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.notebook import interactive
from hailuo_nb.notebook.figures import figure_bundle
from hailuo_nb.notebook.pivot_table import pivot_html, pivot_text, shown_clips
from hailuo_nb.notebook.table import MOST_ROWS, ClipTable, records_of, table_html, totals

POSTER = b"\xff\xd8 no real picture"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Give the history of 26 clips: two real, two failed, one on the way."""
    folder = tmp_path_factory.mktemp("clips")
    write_ledger(folder, 26, real=2)
    with Ledger.open(folder / "hailuo" / "ledger.db") as ledger:
        return history(ledger)


class Seen(HTMLParser):
    """What a browser would make of HTML: tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in {"img", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag that must be the last one opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def heads(html: str) -> list[str]:
    """Give the heads of the columns."""
    return [
        unescape(re.sub("<.*?>", "", head))
        for head in re.findall(r"<th.*?</th>", html.partition("</thead>")[0])
    ]


def test_what_people_want_stands_first(frame: pd.DataFrame) -> None:
    """Axes by their own names, costs, local times; ratings only once there are any."""
    html = table_html(ClipTable(frame), {})
    assert heads(html) == ["", "prompt", "light", "camera", "variant", "status", "cost", "created"]
    rated = frame.assign(rating=pd.array([4] + [None] * 25, dtype="Int64"), score=range(26))
    assert heads(table_html(ClipTable(rated), {})) == [
        *("", "prompt", "light", "camera", "score", "variant", "status", "cost", "rating", "created"),
    ]
    assert heads(table_html(ClipTable(frame, ("light", "run_s")), {})) == ["", "light", "run_s"]


def test_votes_are_one_column_once_there_are_any(frame: pd.DataFrame) -> None:
    """Won, lost and tied in words, sorted by the share of wins; a reject is no rating of 0, and 0 votes say nothing."""
    counts = {"wins": [3, 0], "losses": [1, 0], "ties": [2, 0]}
    columns: dict[str, Any] = {name: pd.array(made, dtype="Int64") for name, made in counts.items()}
    voted = frame.head(2).assign(**columns, rating=pd.array([0, None], dtype="Int64"))
    html = table_html(ClipTable(voted), {})
    assert heads(html)[-4:] == ["cost", "votes", "rating", "created"]
    assert 'data-v="0.666666666666667">3 won, 1 lost, 2 tied</td>' in html
    assert ">rejected</td>" in html
    assert not re.search(r"(wins|losses|ties) \d", html)
    assert heads(table_html(ClipTable(voted, ("votes", "wins")), {})) == ["", "votes", "wins"]
    own = voted.assign(votes=["mine", "yours"])
    assert heads(table_html(ClipTable(own), {})).count("votes") == 1
    assert "mine" in table_html(ClipTable(own), {})


def test_measures_are_columns_where_somebody_asked_for_them(frame: pd.DataFrame) -> None:
    """Those measured in the background stand with the rest, on demand, and in no run that is compared."""
    measured = frame.assign(**{"m.motion_px": [1.23456] * 13 + [2.5] * 13})
    assert "m.motion_px" not in heads(table_html(ClipTable(measured), {}))
    assert "m.motion_px 1.235</div>" in table_html(ClipTable(measured), {})
    assert "m.motion_px" not in table_html(ClipTable(measured), {}, is_headless=True)
    assert heads(table_html(ClipTable(measured, ("m.motion_px",)), {})) == ["", "m.motion_px"]
    measured.attrs["unmeasured"] = []
    assert "m.motion_px" in heads(table_html(ClipTable(measured), {}, is_headless=True))


def test_money_is_money_and_simulated_is_said(frame: pd.DataFrame) -> None:
    """Two decimals, both sums apart, and a class that keeps MathJax away."""
    html = table_html(ClipTable(frame), {})
    assert totals(frame) == "$0.56 · simulated $7.98 · 2 of unknown cost"
    assert "26 clips · $0.56 · simulated $7.98 · 2 of unknown cost" in html
    assert 'class="hailuo-table tex2jax_ignore mathjax_ignore"' in html
    assert html.count(">simulated</div>") == 22  # each simulated clip with a cost or a quote
    assert html.count(" simulated\n") >= 22  # and its quote among the columns on demand


def test_every_other_column_is_there_on_demand(frame: pd.DataFrame) -> None:
    """In the row, or once for all where it is the same."""
    html = table_html(ClipTable(frame), {})
    first = frame.iloc[0]
    for value in (first["id"], first["sha256"], first["request_hash"], "fox #25 é-t1.mp4", "run_s 9.5 s"):
        assert str(value) in html
    shared = html[html.index("the same for all") :]
    assert "fps 24" not in shared  # a failed clip has none
    assert "name fox" in shared
    assert html.count("name fox") == 1


def test_times_are_local_with_utc_on_hover(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the zone of this machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        html = table_html(ClipTable(frame), {}, now=datetime(2026, 11, 5, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
    exact = frame["created_utc"].iloc[0].to_pydatetime()
    assert (
        f'title="{exact:%Y-%m-%d %H:%M:%S} UTC">3 Nov, {(exact.hour + 9) % 24:02}:{exact:%M}</span>' in html
    )


def test_a_clip_is_a_link_without_a_player(frame: pd.DataFrame) -> None:
    """Quoted as an address, with its picture where there is one; none for what is not there."""
    rows = records_of(frame, 100)
    done = [row["id"] for row in rows if row["status"] == "completed"]
    seen = Seen(table_html(ClipTable(frame), {done[0]: POSTER}, missing=frozenset({done[1]})))
    links = [found for tag, found in seen.tags if tag == "a" and found.get("class") == "hailuo-play"]
    assert links[0]["href"] == "hailuo/clips/fox%20%2325%20%C3%A9-t1.mp4"
    assert len(links) == len(done) - 1
    assert "not on disk" in seen.text
    assert not [tag for tag, _ in seen.tags if tag in {"video", "script", "iframe", "style"}]


def test_only_so_many_rows_are_drawn_and_quickly(frame: pd.DataFrame) -> None:
    """100,000 rows are counted and added up, 50 are drawn, and the notebook's file stays small."""
    big = pd.concat([frame] * 3847, ignore_index=True)
    started = time.perf_counter()
    html = table_html(ClipTable(big), {})
    assert time.perf_counter() - started < 5  # 0.1 s on a machine that is not busy
    assert html.count("<tr ") == MOST_ROWS + 1
    assert "and 99,972 more" in html
    assert "100,022 clips" in html
    assert len(html) < 150_000


def test_headless_it_holds_only_what_is_the_same_in_every_run(tmp_path: Path) -> None:
    """Two ledgers at other times have other ids and dates, and the same table."""
    made = []
    for name, start in (("a", 1_793_700_000.0), ("b", 1_799_999_000.0)):
        import clip_ledger

        with Ledger.open(tmp_path / name / "ledger.db", clock=clip_ledger.SlowClock(start)) as ledger:
            clip_ledger.carry(ledger, [clip_ledger.new_clip(n) for n in range(8)])
            frame = history(ledger)
        rows = pivot(frame)
        made.append(
            (
                table_html(ClipTable(frame), {}, is_headless=True),
                pivot_html(rows, {}, is_headless=True),
                pivot_text(rows),
            )
        )
    assert made[0] == made[1]
    assert "simulated" in made[0][0]


BAD = '</td><script>alert(1)</script><img src=x onerror=alert(1)>\u202e" onclick="x'


def test_text_is_only_ever_text(frame: pd.DataFrame) -> None:
    """Prompts, axes, names, errors, files and columns of somebody's own."""
    bad = frame.head(3).assign(
        **{"params.light": BAD, "prompt": BAD, "error": BAD, "name": BAD, BAD: BAD, "path": BAD}
    )
    bad["status"] = bad["status"].astype(str).where(bad.index != 1, BAD)
    for html in (
        table_html(ClipTable(bad), {}),
        table_html(ClipTable(bad), {}, is_headless=True),
        pivot_html(pivot(bad, rows="light", columns=BAD), {}),
    ):
        seen = Seen(html)
        assert not seen.open
        assert {"script", "iframe"}.isdisjoint(tag for tag, _ in seen.tags)
        assert not [found for tag, found in seen.tags if tag == "img" and "onerror" in found]
        assert "\u202e" not in html
        handlers = {name for _, found in seen.tags for name in found if name.startswith("on")}
        assert handlers <= {"onmouseover", "onmouseout", "onclick", "onkeydown", "onload"}
        assert sum("onclick" in found for _, found in seen.tags) == 1


@given(st.text(max_size=60), st.text(max_size=30))
def test_whatever_a_prompt_holds_the_markup_stays_whole(prompt: str, axis: str) -> None:
    """Every tag that opens closes again."""
    row: dict[str, Any] = {
        "id": "a1", "service": "wavespeed", "variant": "t2v-pro", "status": "completed", "prompt": prompt,
        "path": prompt, "params.x": axis, "cost_usd": 0.49,
    }  # fmt: skip
    seen = Seen(table_html(ClipTable(pd.DataFrame([row]).astype({"id": "string"})), {}))
    assert not seen.open


def test_a_column_that_only_has_a_name_of_ours_is_shown_as_it_is(frame: pd.DataFrame) -> None:
    """Somebody may write anything into a frame."""
    odd = frame.head(2).assign(cost_usd="dear", rating="good", run_s="long", bytes="many")
    html = table_html(ClipTable(odd), {})
    for word in ("dear", "good", "long", "many"):
        assert word in html


def test_a_table_refuses_what_it_cannot_show(frame: pd.DataFrame) -> None:
    """One line that says what there is."""
    with pytest.raises(InvalidRequest, match="no column 'colour'; it has id"):
        ClipTable(frame, ("colour",))
    with pytest.raises(InvalidRequest, match="1 to 500 rows, not 501"):
        ClipTable(frame, rows=501)
    with pytest.raises(InvalidRequest, match="holds no clips"):
        ClipTable(frame[["prompt"]])


def test_no_clip_that_fits_says_so(frame: pd.DataFrame) -> None:
    """Instead of heads over nothing."""
    assert "No clip fits." in table_html(ClipTable(frame.head(0)), {})


def test_a_pivot_says_in_each_cell_what_its_clips_differ_in(frame: pd.DataFrame) -> None:
    """The variant and take under each, where a cell has several."""
    made = pivot(frame[frame["service"] == "simulator"])
    seen = Seen(pivot_html(made, {row["id"]: POSTER for row in shown_clips(made)}))
    assert "t2v-standard · take 1" in seen.text
    assert "camera across" in seen.text
    assert sum(tag == "a" for tag, _ in seen.tags) == 21
    money = pivot_html(pivot(frame[frame["service"] == "simulator"], "light", "variant", "cost_usd"), {})
    assert "cost, simulated · 24 clips · variant across" in money
    assert "$1.12" in money


def test_itables_draws_all_rows_with_its_own_script(frame: pd.DataFrame) -> None:
    """Nothing is fetched from anywhere, text stays text, and sums stay sortable."""
    bad = frame.assign(prompt=BAD)
    html = interactive.interactive_html(ClipTable(bad, is_interactive=True), {}, missing=frozenset())
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.?(https?:)?//|@import|from 'https?:", html)
    assert "<script>alert" not in html
    assert "26 clips" in html


def test_without_itables_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is asked for, not when it is shown."""
    monkeypatch.setattr(interactive, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"%pip install 'hailuo_nb\[table\]'"):
        interactive.check_itables()


def test_a_plot_is_one_small_picture_with_its_words(frame: pd.DataFrame) -> None:
    """In HTML for both themes and by itself for GitHub; headless only the picture, which is not compared."""
    bundle = figure_bundle(outcomes(frame))
    assert set(bundle) == {"text/html", "text/plain", "image/png"}
    assert bundle["text/plain"].startswith("Clips by outcome: ")
    assert len(bundle["image/png"]) < 40_000
    assert 'alt="Clips by outcome: ' in bundle["text/html"]
    headless = figure_bundle(outcomes(frame), is_headless=True)
    assert headless.keys() == {"image/png", "text/plain"}
    assert headless["text/plain"] == "Clips by outcome"
