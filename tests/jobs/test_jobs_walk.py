"""One clip's walk from a durable row to a finished file, and everything that gets in its way."""

from __future__ import annotations

from jobs_world import World


def test_a_clip_goes_all_the_way(world: World) -> None:
    """A planned row becomes a file with a recipe beside it, and the handle says so."""
    (job,) = world.ask("a fox")
    world.finish(job)
    row = world.row(job)
    assert job.result() == world.folder / str(row.path)
    assert (row.status, row.owner, row.error) == ("completed", None, None)
    assert job.result().read_bytes().startswith(b"CLIP")
    assert job.result().with_suffix(".json").is_file()
    assert [e.status for e in world.ledger.events(job.id)] == [
        "planned",
        "submitting",
        "submitted",
        "processing",
        "downloading",
        "completed",
    ]
