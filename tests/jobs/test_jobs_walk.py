"""One clip's walk from a durable row to a finished file, and everything that gets in its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from jobs_world import World, new_clip, request_for

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.jobs.job import Job
from hailuo_nb.ledger.faults import FenceLost
from hailuo_nb.ledger.rows import NewBatch
from hailuo_nb.settings import Tier
from hailuo_nb.wavespeed.download import FileRefused

Open = Callable[..., World]


def posts_for(world: World, prompt: str) -> list[str]:
    """Give what became of each POST for a prompt."""
    return [answer for sent, answer in world.service.posts if sent == prompt]


def picture() -> ImageRef:
    """Give a picture with bytes to upload."""
    return ImageRef(
        "file", (("sha256", "ab"), ("fit", None)), "fox.png", data=b"png", content_type="image/png"
    )


def test_a_clip_goes_all_the_way(world: World) -> None:
    """A planned row becomes a file with a recipe beside it, and the handle says so."""
    (job,) = world.ask("a fox")
    world.finish(job)
    row = world.row(job)
    assert job.result() == world.folder / str(row.path)
    assert (row.status, row.owner, row.error) == ("completed", None, None)
    assert job.result().read_bytes().startswith(b"CLIP")
    recipe = json.loads(job.result().with_suffix(".json").read_text())
    assert recipe["prediction_id"] == job.prediction_id
    assert [e.status for e in world.ledger.events(job.id)] == [
        "planned",
        "submitting",
        "submitted",
        "processing",
        "downloading",
        "completed",
    ]
    assert row.key_fingerprint == world.ledger.fingerprint("key-a")
    assert "signature" not in str(row.url)


@pytest.mark.parametrize("answer", ["unsent", "429"])
def test_what_was_surely_not_accepted_is_sent_again(world: World, answer: str) -> None:
    """A connection that never opened, and a 429, go back to planned and are tried again."""
    world.service.answers.extend([answer, answer])
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "completed"
    assert posts_for(world, "a fox") == [answer, answer, "ok"]


def test_a_429_holds_every_submit(world: World) -> None:
    """What the service asked one job to wait, all jobs wait."""
    world.service.answers.append("429")
    began = world.loop.now_s
    jobs = world.ask("a fox", "an owl", "a hare", "a mole", "a bat")
    world.until(lambda: len(world.service.posts) == 6)
    assert [a for _, a in world.service.posts].count("429") == 1
    assert world.loop.now_s - began < 60
    world.finish(*jobs)
    assert len(world.service.books) == 5


def test_a_refusal_is_final_and_free(world: World) -> None:
    """A clear refusal fails the job, and it is known not to have been accepted."""
    world.service.answers.append("refused")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert isinstance(job.exception(), errors.RequestRefused)
    assert world.row(job).was_accepted is False
    (again,) = world.ask("a fox")
    world.finish(again)
    assert again is job
    assert job.status == "completed"


def test_without_credits_the_rest_is_kept(world: World) -> None:
    """The first few are refused, nothing more is sent, whoever waits is told, and the cell can be run again."""
    world.service.answers.extend(["credits"] * 20)
    jobs = world.ask(*(f"fox {n}" for n in range(20)))
    world.finish(*jobs)
    refused = [job for job in jobs if job.status == "failed"]
    held = [job for job in jobs if job.status == "planned"]
    assert 1 <= len(refused) <= 4
    assert len(refused) + len(held) == 20
    assert all(job.is_held and isinstance(job.exception(), errors.InsufficientCredits) for job in held)
    posts = len(world.service.posts)
    world.run(600)
    assert len(world.service.posts) == posts
    world.service.answers.clear()
    again = world.ask(*(f"fox {n}" for n in range(20)))
    world.finish(*again)
    assert {job.status for job in again} == {"completed"}
    assert len(world.service.books) == 20


def test_many_jobs_leave_nothing_behind(world: World) -> None:
    """After many jobs nothing is kept but the handles that somebody holds."""
    world.service.generation_s = 1.0
    ids = [job.id for job in world.ask(*(f"fox {n}" for n in range(60)))]
    world.until(lambda: not world.runner._running and world.loop.now_s > 1)
    rows = {row.id: row for row in world.ledger.rows(ids=ids)}
    assert {row.status for row in rows.values()} == {"completed"}
    desk = world.desk
    assert (desk.fences, desk._wakes, world.runner._kept, world.runner._pending) == ({}, {}, set(), {})
    assert len(world.runner.known()) == 0


def test_cancelled_in_the_queue_is_dropped_at_once(world: World) -> None:
    """A job that waits for its turn does not wait for it to be cancelled."""
    world.desk.limits = lambda: Tier(1, 100)
    jobs = world.ask(*(f"fox {n}" for n in range(9)))
    world.until(lambda: len(world.service.posts) == 1)
    for job in jobs[1:]:
        job.cancel()
    world.run(0.5)
    assert [job.status for job in jobs[1:]] == ["cancelled"] * 8
    assert all(isinstance(job.exception(), errors.JobCancelled) for job in jobs[1:])
    world.finish(jobs[0])
    assert len(world.service.posts) == 1


def test_cancelled_while_its_price_is_asked(world: World) -> None:
    """Nothing that is only being prepared keeps a cancel waiting."""
    world.service.price_s = 100.0
    (job,) = world.ask("a fox")
    world.run(1.0)
    job.cancel()
    world.run(0.5)
    assert (job.status, world.service.posts) == ("cancelled", [])


@pytest.mark.parametrize(("answer", "status"), [("429", "cancelled"), ("ok", "completed")])
def test_cancelled_while_it_is_being_sent(world: World, answer: str, status: str) -> None:
    """A submit under way is not called back: it is dropped if it was not accepted, else hidden and fetched."""
    world.service.answers.append(answer)
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "submitting")
    job.cancel()
    world.finish(job)
    assert job.status == status
    assert posts_for(world, "a fox") == [answer]
    assert world.row(job).is_hidden is (status == "completed") or status == "cancelled"


def test_a_cancelled_clip_is_sent_by_running_its_cell_again(world: World) -> None:
    """A cancel is about that run of the cell only."""
    (job,) = world.ask("a fox", held="needs a yes")
    world.run(0.1)
    job.cancel()
    world.until(lambda: world.row(job).status == "cancelled")
    (again,) = world.ask("a fox")
    assert not again.done()
    world.finish(again)
    assert again.status == "completed"


def test_a_held_job_is_sent_by_a_yes_only(world: World) -> None:
    """Looking at a held job, from wherever, sends nothing; a yes does, once."""
    (job,) = world.ask("a fox", held="needs a yes")
    world.finish(job)
    assert isinstance(job.exception(), errors.ConfirmationNeeded)
    for _ in range(3):
        assert world.runner.take(world.row(job)) is job
        world.run(30)
    assert (job.status, job.is_held, job.note, world.service.posts) == ("planned", True, "needs a yes", [])
    job.is_held = False
    world.runner.release([job])
    assert not job.done()
    world.finish(job)
    assert posts_for(world, "a fox") == ["ok"]


def test_the_yes_is_for_the_price_that_is_shown(world: World) -> None:
    """A price that rose past the limit holds the job under the new price, and the yes to that sends it."""
    world.service.live_price = Decimal("0.80")
    asked: list[Decimal] = []

    def may_cost(_job: Job, usd: Decimal) -> str:
        asked.append(usd)
        return "The price rose."

    world.desk.may_cost = may_cost
    (job,) = world.ask("a fox")
    world.finish(job)
    assert isinstance(job.exception(), errors.ConfirmationNeeded)
    assert (job.quote_usd, job.is_held, world.service.posts) == (Decimal("0.80"), True, [])
    world.runner.release([job])
    world.finish(job)
    assert (job.status, asked) == ("completed", [Decimal("0.80")])


def test_a_price_over_the_budget_is_not_sent(world: World) -> None:
    """The live price is weighed against the budget before the submit."""
    world.service.live_price = Decimal("5.00")
    world.desk.budget = lambda: Decimal("1.00")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert isinstance(job.exception(), errors.BudgetExceeded)
    assert world.service.posts == []


def test_a_lower_price_is_taken(world: World) -> None:
    """A price that fell needs no yes."""
    world.service.live_price = Decimal("0.20")
    (job,) = world.ask("a fox")
    world.finish(job)
    assert (job.status, job.cost_usd) == ("completed", Decimal("0.20"))


def test_old_planned_rows_are_never_sent_by_themselves(world: World, open_world: Open) -> None:
    """A planned row that another kernel left, or a stranger wrote, says that its cell has to be run."""
    (job,) = world.ask("a fox", held="needs a yes")
    world.run(0.1)
    world.kill()
    other = open_world(kernel="k2", service=world.service)
    taken = other.runner.take(other.row(job))
    other.finish(taken)
    assert isinstance(taken.exception(), errors.ConfirmationNeeded)
    assert "run its cell again" in str(taken.exception())
    other.run(100)
    assert world.service.posts == []


def test_a_suspended_machine_sends_nothing_by_surprise(world: World) -> None:
    """A row that was written longer ago than 5 s is not sent on it, but written anew first."""
    times = iter([0.0, 9.0])
    world.desk.clock = lambda: next(times, 9.0)
    (job,) = world.ask("a fox")
    world.finish(job)
    told = [event.detail for event in world.ledger.events(job.id)]
    assert "not sent: too long after it was written down" in told
    assert posts_for(world, "a fox") == ["ok"]


def test_the_id_of_what_is_paid_is_written_until_it_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that cannot be written after the submit is tried until it can, and no second submit goes."""
    failures = iter(range(25))
    move = world.ledger.move

    def full(clip_id: str, **asked: object) -> object:
        if asked["to"] == "submitted" and next(failures, None) is not None:
            raise errors.LedgerError("The ledger cannot grow: the disk is full.")
        return move(clip_id, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(world.ledger, "move", full)
    (job,) = world.ask("a fox")
    world.until(lambda: "disk is full" in job.note)
    world.finish(job)
    assert (job.status, job.note, posts_for(world, "a fox")) == ("completed", "", ["ok"])


@pytest.mark.parametrize(
    "name", ["own", "rows", "row", "durations", "recall", "events", "start_submit", "move"]
)
def test_a_ledger_that_stumbles_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Every ledger call may fail for a while; the job goes on when it works again."""
    plain = getattr(world.ledger, name)
    failures = iter(range(3))

    def stumbles(*args: object, **options: object) -> object:
        if next(failures, None) is not None:
            raise errors.LedgerError("The ledger is locked by another program.")
        return plain(*args, **options)

    world.service.answers.append("lost")
    (job,) = world.ask("a fox")
    monkeypatch.setattr(world.ledger, name, stumbles)
    world.finish(job)
    assert (job.status, len(world.service.books)) == ("completed", 1)


def test_word_is_left_for_the_kernel_that_took_the_row(world: World, open_world: Open) -> None:
    """Where the row was lost while its submit was on its way, the other kernel finds the answer."""
    other = open_world(kernel="k2", service=world.service)
    world.service.tells_inputs = False
    (job,) = world.ask("a fox")
    world.until(lambda: world.row(job).status == "submitting")
    # What a lease that ran out does: the other kernel takes the row while the answer is on its way.
    world.ledger._locks.drop()
    assert other.ledger.own([job.id])
    (taken,) = other.resume()
    other.finish(taken)
    assert taken.status == "completed"
    assert len(world.service.books) == 1
    world.ledger._locks.hold()
    world.finish(job)
    assert job.status == "completed"


def test_a_disk_that_is_full_is_waited_for(world: World) -> None:
    """What the disk refuses is one line on the card, and the clip comes when there is room."""
    full = errors.DownloadFailed("x.mp4.part cannot be written: the disk is full; free some space.")
    world.service.downloads.extend([full, OSError(28, "No space left on device"), full])
    (job,) = world.ask("a fox")
    world.until(lambda: "disk is full" in str(world.row(job).error))
    assert job.status == "downloading"
    world.finish(job)
    assert (job.status, world.row(job).error, job.note) == ("completed", None, "")


@pytest.mark.parametrize("bad", [b"", b"<html>an error page</html>", b"\0" * 100])
def test_what_is_no_video_is_never_a_clip(world: World, bad: bytes) -> None:
    """A file that does not play is taken away and fetched again."""
    world.service.downloads.append(bad)
    (job,) = world.ask("a fox")
    world.until(lambda: world.row(job).error is not None)
    assert list((world.folder / "hailuo" / "clips").iterdir()) == []
    world.finish(job)
    assert job.status == "completed"
    assert sorted(p.suffix for p in (world.folder / "hailuo" / "clips").iterdir()) == [".json", ".mp4"]


def test_a_clip_the_service_no_longer_keeps_is_given_up_after_its_time(world: World) -> None:
    """Until the seven days are over it is asked for again; then it failed, as billed."""
    refused = FileRefused("The clip's host did not give the file (HTTP 404).", status_code=404)
    world.service.downloads.extend([refused] * 200)
    (job,) = world.ask("a fox")
    world.until(lambda: job.status == "downloading")
    world.skip(5.5)
    world.run(400)
    assert job.status == "downloading"
    world.skip(1)
    world.run(400)
    assert "keeps it until" in str(world.row(job).error)
    world.skip(1)
    world.run(400)
    assert isinstance(job.exception(), errors.DownloadFailed)
    assert (job.status, world.row(job).was_accepted) == ("failed", True)


def test_no_network_never_gives_a_paid_clip_up(world: World) -> None:
    """However long the machine is offline, only the service's own word ends a job."""
    (job,) = world.ask("a fox")
    world.until(lambda: job.status in {"submitted", "processing"})
    world.service.is_up = False
    world.skip(3)
    world.run(400)
    assert job.status in {"submitted", "processing"}
    assert world.service.revived > 0
    world.service.is_up = True
    world.finish(job)
    assert job.status == "completed"


def test_complete_without_an_address_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prediction that is complete and names no file is not a failure: it is paid."""
    (job,) = world.ask("a fox")
    world.until(lambda: job.status in {"submitted", "processing"})
    (made,) = world.service.books.values()
    made.outputs = 0
    world.until(lambda: job.status == "downloading" and world.row(job).error is not None)
    made.outputs = 1
    world.finish(job)
    assert job.status == "completed"
    assert world.row(job).url == f"https://files.test/{made.id}-0.mp4"


def test_a_prediction_that_failed_fails_its_job(world: World) -> None:
    """The service's word is final, and the error says what to do."""
    (job,) = world.ask("a fox")
    world.until(lambda: bool(world.service.books))
    next(iter(world.service.books.values())).ending = "failed"
    world.finish(job)
    assert isinstance(job.exception(), errors.GenerationFailed)
    (again,) = world.ask("a fox")
    world.run(100)
    assert (again.status, len(world.service.books)) == ("failed", 1)


@pytest.mark.parametrize("error", [errors.NotFound("404"), errors.AccessDenied("401")])
def test_under_another_key_a_paid_job_waits(world: World, error: errors.ServiceError) -> None:
    """A 404 or 401 to another key finishes nothing, however old the job is; the right key does."""
    (job,) = world.ask("a fox")
    world.until(lambda: job.status in {"submitted", "processing"})
    world.service.key = "key-b"
    world.service.results.extend([error] * 200)
    world.skip(8)
    world.run(400)
    assert job.status in {"submitted", "processing"}
    assert "another key" in job.note
    assert not job.done()
    world.service.key = "key-a"
    world.service.results.clear()
    world.finish(job)
    assert job.status in {"completed", "failed"}


def test_what_waits_for_another_key_takes_no_place(world: World) -> None:
    """The account's limit of clips at once does not count those that were sent with another key."""
    world.desk.limits = lambda: Tier(100, 1)
    (stuck,) = world.ask("a fox")
    world.until(lambda: stuck.status in {"submitted", "processing"})
    world.service.key = "key-b"
    (job,) = world.ask("an owl")
    world.finish(job)
    assert (job.status, stuck.done()) == ("completed", False)


def test_further_outputs_are_kept_beside_the_first(world: World) -> None:
    """A model with several outputs has its clip, and the others beside it."""
    world.service.outputs = 3
    (job,) = world.ask("a fox")
    world.finish(job)
    stem = job.result().stem
    assert world.row(job).more_paths == (f"hailuo/clips/{stem}-o2.mp4", f"hailuo/clips/{stem}-o3.mp4")
    assert all((world.folder / path).is_file() for path in world.row(job).more_paths)


def test_a_further_output_that_never_comes_is_left_out(world: World) -> None:
    """The clip that was asked for does not wait for ever for its extras."""
    world.service.outputs = 2
    good = b"CLIP one"
    world.service.downloads.extend([good, *[errors.DownloadFailed("gone")] * 9])
    (job,) = world.ask("a fox")
    world.finish(job)
    assert (job.status, world.row(job).more_paths) == ("completed", ())


def test_a_picture_is_uploaded_once(world: World) -> None:
    """However many clips start from it, and again in a later kernel."""
    jobs = world.ask("a fox", "an owl", "a hare", image=picture())
    world.finish(*jobs)
    assert {job.status for job in jobs} == {"completed"}
    assert len(world.service.uploads) == 1


def test_an_upload_with_a_signature_is_not_kept(world: World) -> None:
    """An address that may hold a signature is in no file."""
    world.service.upload_query = "?X-Signature=secret"
    (job,) = world.ask("a fox", image=picture())
    world.finish(job)
    world.ledger.close()
    files = [p for p in (world.folder / "hailuo").rglob("*") if p.is_file()]
    assert not [p for p in files if b"X-Signature" in p.read_bytes()]
    world.ledger = type(world.ledger).open(world.folder / "hailuo" / "ledger.db", kernel="k9")


def test_a_clip_whose_file_is_gone_is_fetched_again(world: World) -> None:
    """Running the cell again brings a deleted file back, for nothing, while the service keeps it."""
    (job,) = world.ask("a fox")
    world.finish(job)
    world.ledger.set_cost(job.id, Decimal("0.11"))
    job.result().unlink()
    (again,) = world.ask("a fox")
    assert again.cached
    assert not again.done()
    world.finish(again)
    assert again.result().is_file()
    assert again.result() == job.result()
    assert (world.row(job).status, world.row(job).owner) == ("completed", None)
    assert (world.row(job).cost_usd, world.row(job).price_source) == (Decimal("0.11"), "billing")
    assert len(world.service.books) == 1


def test_a_file_that_is_gone_for_good_is_said(world: World) -> None:
    """After seven days there is nothing to fetch, and the row stays what it was."""
    (job,) = world.ask("a fox")
    world.finish(job)
    job.result().unlink()
    world.skip(9)
    world.run(400)
    (again,) = world.ask("a fox")
    world.finish(again)
    assert "not on disk any more" in str(again.exception())
    assert world.row(job).status == "completed"
    assert len(world.service.books) == 1


def test_only_looking_at_a_clip_fetches_nothing(world: World) -> None:
    """A file somebody deleted does not come back because a list was shown."""
    (job,) = world.ask("a fox")
    world.finish(job)
    job.result().unlink()
    looked = world.runner.take(world.row(job))
    world.finish(looked)
    world.run(60)
    assert "%hailuo resume" in str(looked.exception())
    wanted = world.runner.take(world.row(job), wants_file=True)
    world.finish(wanted)
    assert wanted.result().is_file()


def test_a_killed_kernel_finds_the_file_it_had_named(world: World, open_world: Open) -> None:
    """A kernel that died between naming the file and writing that down does not fetch it twice."""
    move = world.ledger.move

    def dies(clip_id: str, **asked: object) -> object:
        if asked["to"] == "completed":
            raise FenceLost("died just then")
        return move(clip_id, **asked)  # type: ignore[arg-type]

    world.ledger.move = dies  # type: ignore[method-assign,assignment]
    world.ask("a fox")
    clips = world.folder / "hailuo" / "clips"
    world.until(lambda: clips.is_dir() and any(p.suffix == ".mp4" for p in clips.iterdir()))
    world.kill()
    other = open_world(kernel="k2", service=world.service)
    other.service.downloads.extend([errors.DownloadFailed("must not be asked")] * 5)
    (taken,) = other.resume()
    other.finish(taken)
    assert taken.status == "completed"
    assert len(other.service.downloads) == 5
    assert sorted(p.name for p in clips.iterdir()) == [f"{taken.result().stem}.json", taken.result().name]


def test_a_name_that_is_taken_is_never_written_over(world: World) -> None:
    """Whatever lies where the clip would go stays, and the clip gets a longer name."""
    request = request_for("a fox")
    row = world.ledger.reserve(NewBatch(), [new_clip(request)])[0].row
    clips = world.folder / "hailuo" / "clips"
    clips.mkdir(parents=True)
    names = [Path(world.desk.file_of(row)).name]
    (clips / names[0]).write_bytes(b"somebody else's")
    world.ledger.release([row.id])
    (job,) = world.ask("a fox")
    world.finish(job)
    assert (clips / names[0]).read_bytes() == b"somebody else's"
    assert job.result().name != names[0]
    assert job.result().name.startswith("a-fox-")


def test_two_attempts_of_one_clip_do_not_share_a_file(world: World) -> None:
    """A clip that was sent again and then turned up after all gives two files, each its own."""
    world.service.answers.extend(["lost", "ok"])
    world.service.tells_inputs = False
    (job,) = world.ask("a fox")
    world.finish(job)
    assert job.status == "unconfirmed"
    reserved = world.ledger.again(job.id, quote_usd=Decimal("0.28"))
    second = world.runner.take(reserved.row, request=request_for("a fox"), fence=reserved.fence)
    lost = next(iter(world.service.books))
    decided = world.runner.decide(job, "submitted", prediction_id=lost)
    world.until(decided.done)
    world.finish(job, second)
    assert (job.status, second.status) == ("completed", "completed")
    assert job.result() != second.result()
    assert lost.encode() in job.result().read_bytes()
    assert lost.encode() not in second.result().read_bytes()


def test_a_stored_path_may_not_lead_outside(world: World) -> None:
    """A stranger's ledger cannot name a file outside the notebook's folder."""
    (job,) = world.ask("a fox")
    world.finish(job)
    with world.ledger._write() as writing:
        writing.connection.exec_driver_sql("UPDATE clips SET path = '../../outside.mp4'")
    row = world.row(job)
    assert world.desk.file_of(row).startswith("hailuo/clips/a-fox-")
    taken = world.runner.take(row, wants_file=True)
    world.run(0.1)
    taken.show(row)
    assert world.folder in taken.planned_path.parents
    assert ".." not in taken.file
