"""The main job, on a stand-in for WaveSpeed: what is made, what is shown, what is looked at and left alone."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession, until

from hailuo_nb import errors, settings
from hailuo_nb.session import session as session_module
from hailuo_nb.session.plan import Asked
from hailuo_nb.session.session import Cell


def listing(folder: Path) -> list[str]:
    """List everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_cell_is_a_statement_of_which_clips_should_exist(
    session: QuickSession, service: FakeService
) -> None:
    """Made once, shown for nothing ever after; takes make more, and only those."""
    first = session.generate("a {x: 1|2} fox", "t2v-pro", wait=True)
    assert [job.status for job in first] == ["completed"] * 2
    assert (first.new_usd, [place.is_new for place in first.places]) == (Decimal("0.98"), [True, True])
    again = session.generate("a {x: 1|2} fox", "t2v-pro", wait=True, max_cost=0)
    assert [job.cached for job in again] == [True, True]
    assert [job.path for job in again] == [job.path for job in first]
    assert again.new_usd == 0
    more = session.generate("a {x: 1|2} fox", "t2v-pro", takes=2, wait=True, yes=True)
    assert [job.take for job in more] == [1, 2, 1, 2]
    assert [place.is_new for place in more.places] == [False, True, False, True]
    assert len(service.submits) == 4
    frame = more.df
    assert list(frame["cached"]) == [True, False, True, False]
    assert list(frame["cost_usd"]) == [0, 0.49, 0, 0.49]


def test_equal_requests_in_one_cell_are_one_clip(session: QuickSession, service: FakeService) -> None:
    """Written twice or in two spellings of the variant, it is paid once and shown at each place."""
    batch = session.generate(
        "a fox\n---\na fox", ["t2v-pro", "minimax/hailuo-2.3/t2v-pro"], wait=True, max_cost="0.49"
    )
    assert len(batch) == 4
    assert len(batch.jobs) == 1
    assert [place.is_new for place in batch.places] == [True, False, False, False]
    assert batch.new_usd == Decimal("0.49")
    assert len(service.submits) == 1


def test_what_is_sent_is_what_was_asked(session: QuickSession, service: FakeService) -> None:
    """Every option reaches the service as an input, with the expansion always explicit."""
    session.generate("a fox {| b", "t2v-standard", duration=10, expand=False, raw=True, wait=True)
    session.generate(
        "it runs", "fast", image="https://example.com/a.png", go_fast=False, inputs={"duration": 6}, wait=True
    )
    assert service.submits == [
        (
            "minimax/hailuo-2.3/t2v-standard",
            {"prompt": "a fox {| b", "duration": 10, "enable_prompt_expansion": False},
        ),
        (
            "minimax/hailuo-2.3/fast",
            {
                "prompt": "it runs",
                "image": "https://example.com/a.png",
                "duration": 6,
                "enable_prompt_expansion": True,
                "go_fast": False,
            },
        ),
    ]


def test_a_dry_run_leaves_no_trace(session: QuickSession, service: FakeService) -> None:
    """No folder, no row, no call; the table says what there would be."""
    table = session.generate("a {x: 1|2} fox", ["t2v-standard", "t2v-pro"], takes=2, dry_run=True)
    assert listing(session.folder) == []
    assert service.asked == []
    assert len(table) == 8
    assert table.attrs["new_usd"] == pytest.approx(2 * 2 * (0.28 + 0.49))
    assert set(table["status"]) == {"new"}
    session.generate("a 1 fox", "t2v-pro", wait=True)
    before = listing(session.folder)
    table = session.generate("a {x: 1|2} fox", "t2v-pro", dry_run=True)
    assert list(table["status"]) == ["completed", "new"]
    assert table.attrs["new_usd"] == pytest.approx(0.49)
    assert [name for name in listing(session.folder) if "ledger.db-" not in name] == [
        name for name in before if "ledger.db-" not in name
    ]


def test_a_dry_run_starts_no_simulator(open_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key too: nothing is made, and a model it would have to ask for says so."""
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", _never)
    session = open_session()
    assert len(session.generate("a fox", dry_run=True)) == 1
    assert len(session.quote("a fox", takes=3)) == 3
    assert list(session.prices(["t2v-pro"], takes=2)["total_usd"]) == [pytest.approx(0.98)]
    with pytest.raises(errors.UnknownVariant, match="not started for --dry-run"):
        session.generate("a fox", "acme/zoom/text-to-video", dry_run=True)
    assert listing(session.folder) == []


def _never(_: object) -> str:
    raise AssertionError("a simulator was started")


def test_a_quote_asks_the_service(session: QuickSession, service: FakeService) -> None:
    """hn.quote says the live price where there is one, the dated table's else, and writes nothing."""
    service.prices["minimax/hailuo-2.3/t2v-pro"] = Decimal("0.45")
    table = session.quote("a {x: 1|2} fox", ["t2v-pro", "t2v-standard"])
    assert list(table["quote_usd"]) == [0.45, 0.45, 0.28, 0.28]
    assert service.asked == ["price", "price"], "one question for each price, not for each clip"
    assert listing(session.folder) == []
    prices = session.prices(["t2v-pro"], durations=(None,))
    assert list(prices["source"]) == ["service"]
    # The next cell goes by what was said.
    assert session.generate("a fox", "t2v-pro", wait=False)[0].quote_usd == Decimal("0.45")


def test_offline_shows_what_is_here_and_sends_nothing(session: QuickSession, service: FakeService) -> None:
    """Everything there: shown. Something missing: one line with what and how much, before there is anything."""
    with pytest.raises(errors.NotOnDisk, match=r"2 clips .* not on disk, .*\$0\.98"):
        session.generate("a {x: 1|2} fox", "t2v-pro", offline=True, yes=True)
    assert listing(session.folder) == []
    session.generate("a {x: 1|2} fox", "t2v-pro", wait=True)
    asked = list(service.asked)
    batch = session.generate("a {x: 1|2} fox", "t2v-pro", offline=True, wait=True)
    assert all(job.cached for job in batch)
    with pytest.raises(errors.NotOnDisk, match="1 clip of this cell is not on disk"):
        session.generate("a {x: 1|2|3} fox", "t2v-pro", offline=True)
    with pytest.raises(errors.UnknownVariant, match="--offline"):
        session.generate("a fox", "acme/zoom/text-to-video", offline=True)
    assert service.asked == asked


def test_offline_needs_no_key(
    service: FakeService, open_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid is shown on a plane, with the key at home; only sending needs it."""
    open_session(tier="silver").generate("a fox", "t2v-pro", wait=True)
    monkeypatch.delenv("WAVESPEED_API_KEY")
    session = open_session(service="wavespeed")
    assert session.generate("a fox", "t2v-pro", offline=True, wait=True)[0].cached
    assert session.generate("a fox", "t2v-pro", wait=True)[0].cached
    with pytest.raises(errors.KeyMissing, match="WAVESPEED_API_KEY"):
        session.generate("an owl", "t2v-pro")
    assert len(session.ledger.rows()) == 1
    assert session.resume() == []


def test_the_key_is_asked_for_where_there_is_somebody(
    service: FakeService, open_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last place to look is a person, only when something is to be sent, and never headless."""
    monkeypatch.delenv("WAVESPEED_API_KEY")
    session = open_session(service="wavespeed", tier="silver")
    questions: list[str] = []

    def typed() -> str:
        questions.append("")
        return " typed-key-123456\n"

    session.ask_key = typed
    session.is_headless = lambda: True
    with pytest.raises(errors.KeyMissing):
        session.generate("a fox", "t2v-pro")
    session.generate("a fox", "t2v-pro", dry_run=True)
    assert questions == []
    assert listing(session.folder) == []
    session.is_headless = lambda: False
    assert session.generate("a fox", "t2v-pro", wait=True)[0].status == "completed"
    session.generate("an owl", "t2v-pro", wait=True)
    assert len(questions) == 1
    assert service.keys == ["typed-key-123456"]
    session.give_key("another-key-123456")
    session.generate("an elk", "t2v-pro", wait=True, yes=True)
    assert service.keys[-1] == "another-key-123456"


def test_without_the_cache_a_rerun_goes_on_to_the_next_take(service: FakeService, open_session: Any) -> None:
    """cache=False: what is on disk is not shown but followed by further takes, at their price and under all limits."""
    session = open_session(tier="silver", cache=False)
    first = session.generate("a {x: 1|2} fox", "t2v-standard", takes=2, yes=True, wait=True)
    assert [job.take for job in first] == [1, 2, 1, 2]
    with pytest.raises(errors.BudgetExceeded):
        session.generate("a 1 fox", "t2v-standard", max_cost=0.1)
    dry = session.generate("a {x: 1|2} fox", "t2v-standard", dry_run=True)
    assert list(dry["take"]) == [3, 3]
    second = session.generate("a {x: 1|2} fox", "t2v-standard", yes=True, wait=True)
    assert [job.take for job in second] == [3, 3]
    shown = session.generate("a {x: 1|2} fox", "t2v-standard", takes=2, offline=True)
    assert [job.take for job in shown] == [1, 2, 1, 2]
    assert len(service.submits) == 6


def test_without_the_cache_what_is_on_its_way_is_joined(service: FakeService, open_session: Any) -> None:
    """No setting pays a second time for what is out."""
    session = open_session(tier="silver", cache=False)
    service.ends_as = lambda prediction: prediction
    first = session.generate("a fox", "t2v-pro", wait=False)
    until(lambda: len(service.submits) == 1, "it is sent")
    assert session.generate("a fox", "t2v-pro", wait=False)[0] is first[0]
    assert len(service.submits) == 1


def test_the_folder_is_resolved_once(service: FakeService, open_session: Any, tmp_path: Path) -> None:
    """%cd changes nothing, and another dir needs another kernel: half a ledger here and half there helps nobody."""
    said: dict[str, Any] = {"tier": "silver", "dir": "out"}
    session = open_session()
    session.configured = lambda: said
    (tmp_path / "elsewhere").mkdir()
    import os

    os.chdir(tmp_path / "elsewhere")
    batch = session.generate("a fox", "t2v-pro", wait=True)
    assert batch[0].path == tmp_path / "out" / "clips" / batch[0].path.name
    said["dir"] = "other"
    for call in (
        lambda: session.generate("an owl", "t2v-pro"),
        lambda: session.ledger and session.home(),
    ):
        with pytest.raises(errors.SettingInvalid, match="restart the kernel"):
            call()
    assert not (tmp_path / "other").exists()
    assert session.has_ledger()
    assert session.jobs()


@pytest.mark.parametrize(
    "name", ["hailuo", "hailuo/clips", "hailuo/ledger.db", "hailuo/simulator", "hailuo/locks"]
)
def test_links_out_of_the_notebooks_folder_are_refused(
    session: QuickSession, service: FakeService, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """A stranger's folder may hold a link to one's home; nothing is written through it."""
    away = tmp_path_factory.mktemp("away")
    link = session.folder / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(away / "x.db" if name.endswith(".db") else away)
    with pytest.raises(errors.SettingInvalid, match="leads out") as caught:
        session.generate("a fox", "t2v-pro")
    assert str(away) not in str(caught.value)
    assert listing(away) == []


def test_a_link_within_the_notebooks_folder_is_the_users_own_business(
    session: QuickSession, tmp_path: Path
) -> None:
    """What stays inside plays in Jupyter and leaves nobody's folder."""
    (tmp_path / "big").mkdir()
    (tmp_path / "hailuo").symlink_to("big")
    assert session.generate("a fox", "t2v-pro", wait=True)[0].status == "completed"


def test_the_cell_is_kept_with_its_clips(session: QuickSession) -> None:
    """Python in a cell says which cell it was, as the magic does."""
    session.where = lambda: Cell("book.ipynb", "cell-1")
    frame = session.generate("a fox", "t2v-pro", wait=True, name=" hero ", tags="draft").df
    assert list(frame[["notebook", "cell_id", "name"]].iloc[0]) == ["book.ipynb", "cell-1", "hero"]
    assert frame["tags"][0] == ("draft",)


def test_a_cell_s_variable_is_found_after_a_restart(service: FakeService, open_session: Any) -> None:
    """The newest batch that a cell put into it; clips that were given the name come first."""
    first = open_session(tier="silver", confirm_above_usd=100)
    cell = Cell("book.ipynb", "cell-1", "a fox", "foxes")
    for text in ("a fox", "a red fox\n---\na blue fox"):
        first.make(Asked(text=text, variants=("t2v-pro",)), cell=cell).wait()
    first.close()
    again = open_session(tier="silver", confirm_above_usd=100)
    assert [job.prompt for job in again.jobs_named("foxes")] == ["a red fox", "a blue fox"]
    assert again.jobs_named("fox") == []
    elsewhere = Cell("other.ipynb", "cell-1", "an elk", "foxes")
    again.make(Asked(text="an elk", variants=("t2v-pro",)), cell=elsewhere).wait()
    assert [job.prompt for job in again.jobs_named("foxes")] == ["an elk"]
    again.where = lambda: Cell("book.ipynb")
    assert [job.prompt for job in again.jobs_named("foxes")] == ["a red fox", "a blue fox"]
    again.generate("an owl", "t2v-pro", name="foxes", wait=True)
    assert [job.prompt for job in again.jobs_named("foxes")] == ["an owl"]


def test_nothing_is_made_when_the_request_is_wrong(session: QuickSession, service: FakeService) -> None:
    """Every fault at once, and neither folder nor call."""
    with pytest.raises(errors.InvalidRequest) as caught:
        session.generate("x" * 2001, "t2v-pro", duration=10, inputs={"sed": 1})
    assert len(caught.value.faults) == 3
    with pytest.raises(errors.TooManyClips):
        session.generate("a fox", takes=17)
    assert listing(session.folder) == []
    assert service.asked == []


def test_a_missing_file_is_fetched_again_for_nothing(session: QuickSession, service: FakeService) -> None:
    """A clip whose file was deleted comes back while the service keeps it; it is not paid again."""
    job = session.generate("a fox", "t2v-pro", wait=True)[0]
    assert job.path is not None
    job.path.unlink()
    again = session.generate("a fox", "t2v-pro", wait=True)
    assert again[0].result(10).is_file()
    assert len(service.submits) == 1


def test_a_batch_of_a_hundred_returns_at_once(
    service: FakeService, open_session: Any, monkeypatch: Any
) -> None:
    """Settings are read a few times, not once a clip; the cell is back long before a person notices."""
    session = open_session(max_clips=1000)
    service.is_reachable = False
    session.generate("warm up {x}", "t2v-standard", vary={"x": ["1"]}, yes=True)
    reads = []
    plain = settings.load
    monkeypatch.setattr(session_module, "load_settings", lambda **given: (reads.append(1), plain(**given))[1])
    began = time.perf_counter()
    batch = session.generate("a {x} fox", "t2v-standard", vary={"x": [str(n) for n in range(100)]}, yes=True)
    took_s = time.perf_counter() - began
    assert len(batch) == 100
    assert took_s < 1.0, "well under 200 ms on a free machine; a busy one gets more"
    # The background reads them too, when clips are about to be sent.
    assert len(reads) < 40


def test_a_broken_project_file_stops_no_clip_that_is_on_its_way(
    session: QuickSession, service: FakeService
) -> None:
    """The next cell says what is wrong with it; what was sent is brought home."""
    held = True
    service.ends_as = lambda p: p if held else FakeService().ends_as(p)
    job = session.generate("a fox", "t2v-pro", wait=False)[0]
    until(lambda: service.submits, "it is sent")
    (session.folder / "pyproject.toml").write_text("[tool", "utf-8")
    with pytest.raises(errors.SettingInvalid):
        session.generate("an owl", "t2v-pro")
    held = False
    assert job.result(10).is_file()


def test_rows_of_a_service_that_there_is_not_are_left_alone(
    session: QuickSession, service: FakeService
) -> None:
    """A stranger's ledger may name any service; nothing is started or asked for it."""
    session.generate("a fox", "t2v-pro", wait=True)
    with session.ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE clips SET service = 'evil', status = 'submitted'")
    asked = list(service.asked)
    assert session.resume() == []
    assert session.jobs() == []
    with pytest.raises(errors.LedgerError, match="evil"):
        session.job(session.ledger.rows()[0].id)
    assert service.asked == asked


def test_a_closed_session_says_so(session: QuickSession) -> None:
    """After %unload_ext an old variable does not bring the background back to life."""
    batch = session.generate("a fox", "t2v-pro", wait=True)
    session.close()
    session.close()
    for call in (lambda: session.generate("an owl"), session.balance, lambda: batch.df):
        with pytest.raises(errors.HailuoError, match="reload_ext"):
            call()
    assert batch[0].result(0).is_file()


def test_animate_goes_on_from_a_clip(session: QuickSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run has no job to give; anything else is a clip that starts from the last frame."""
    from hailuo_nb.catalog.imageref import ImageRef

    frame = ImageRef(
        "frame", (("clip", "x"), ("at", "last")), "last frame", data=b"png", content_type="image/png"
    )
    monkeypatch.setattr(session_module, "frame_of", lambda _job, _seconds: frame)
    job = session.generate("a fox", "t2v-pro", wait=True)[0]
    made = job.animate("it jumps")
    assert (made.variant, made.result(10).is_file()) == ("i2v-pro", True)
    with pytest.raises(errors.InvalidRequest, match="dry_run"):
        job.animate("it jumps", dry_run=True)
