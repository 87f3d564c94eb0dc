"""What a button would make and cost, pictures kept as files, and small choices remembered."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image
from session_fakes import FakeService, QuickSession

from hailuo_nb.errors import InvalidRequest, TooManyClips
from hailuo_nb.session import keeping, taste
from hailuo_nb.session.forecast import forecast
from hailuo_nb.session.plan import Asked

Open = Callable[..., QuickSession]
MODEL = "minimax/hailuo-2.3/t2v-standard"


def asked(text: str = "a fox", takes: int = 1) -> Asked:
    """Ask for clips of t2v-standard."""
    return Asked(text, ("t2v-standard",), takes=takes)


def test_looking_ahead_writes_and_sends_nothing(session: QuickSession, service: FakeService) -> None:
    """The table's price is given as an estimate; the service is asked only where that is wanted."""
    made = forecast(session, asked("a {fox|dog}", takes=2))
    assert (len(made.clips), len(made.fresh), made.new_usd, made.is_estimate) == (4, 4, Decimal("1.12"), True)
    assert service.asked == []
    assert not session.has_ledger()


def test_the_live_price_is_kept_for_what_is_made_next(session: QuickSession, service: FakeService) -> None:
    """Once asked, the price stands in the next look without asking again."""
    service.prices[MODEL] = Decimal("0.31")
    assert forecast(session, asked(), is_live=True).new_usd == Decimal("0.31")
    later = forecast(session, asked("a dog"))
    assert (later.new_usd, later.is_estimate) == (Decimal("0.31"), False)
    assert service.asked == ["price"]


def test_what_is_there_is_not_counted(
    session: QuickSession, service: FakeService, open_session: Open
) -> None:
    """Clips on disk cost nothing, equal ones count once; without the cache everything is new."""
    session.make(asked()).wait()
    made = forecast(session, asked("a fox\n---\na fox", takes=2))
    assert (len(made.clips), len(made.fresh)) == (4, 1)
    assert len(forecast(open_session(tier="silver", cache=False), asked()).fresh) == 1


def test_a_clip_that_waits_for_a_yes_is_still_to_be_paid(service: FakeService, open_session: Open) -> None:
    """What a cell holds in this kernel is counted, since a click would send it."""
    session = open_session(confirm_above_usd="0.10")
    assert session.make(asked())[0].is_held
    assert forecast(session, asked()).new_usd == Decimal("0.28")


def test_faults_and_too_many_clips_are_refused(session: QuickSession) -> None:
    """As for a cell."""
    with pytest.raises(InvalidRequest, match="prompt is missing"):
        forecast(session, asked(""))
    with pytest.raises(TooManyClips):
        forecast(session, asked(takes=100))


def png(size: tuple[int, int] = (640, 360)) -> bytes:
    """Make a picture."""
    import io

    out = io.BytesIO()
    Image.new("RGB", size, (1, 2, 3)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("My Photo.png", "my-photo"),
        ("../../etc/passwd", "passwd"),
        ("", "picture"),
        ("狐.png", "picture"),
        (".x" * 99, "x-x"),
    ],
)
def test_a_picture_is_kept_under_its_content(
    name: str, stem: str, session: QuickSession, tmp_path: Path
) -> None:
    """The name is a slug, the file stays inside, and the same bytes are one file."""
    kept = keeping.keep_picture(session, png(), name)
    assert kept == keeping.keep_picture(session, png(), name)
    assert kept.startswith(f"hailuo/pictures/{stem}")
    assert (tmp_path / kept).read_bytes() == png()
    assert [path.name for path in (tmp_path / "hailuo" / "pictures").iterdir()] == [Path(kept).name]


def test_a_bad_picture_and_a_link_out_are_refused(session: QuickSession, tmp_path: Path) -> None:
    """Nothing is written that the service would refuse, or outside the notebook's folder."""
    with pytest.raises(InvalidRequest, match="short side"):
        keeping.keep_picture(session, png((300, 200)))
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "hailuo").mkdir()
    (tmp_path / "hailuo" / "pictures").symlink_to(outside)
    with pytest.raises(InvalidRequest, match="leads out"):
        keeping.keep_picture(session, png())
    assert list(outside.iterdir()) == []


def test_the_picture_of_a_clip_is_found_again(
    session: QuickSession, service: FakeService, tmp_path: Path
) -> None:
    """A file by its name and bytes, an address as it was; a changed file is not taken for it."""
    kept = keeping.keep_picture(session, png())
    by_file = session.generate("a fox", "fast", image=kept)
    by_address = session.generate("a fox", "fast", image="https://example.com/a.png")
    signed = session.generate("a fox", "fast", image="https://example.com/a.png?sig=1")
    plain = session.generate("a fox", "t2v-pro")
    found = [keeping.picture_of(session, batch[0].row) for batch in (by_file, by_address, signed, plain)]  # type: ignore[union-attr]
    assert found == [kept, "https://example.com/a.png", None, ""]
    (tmp_path / kept).write_bytes(b"other")
    assert keeping.picture_of(session, by_file[0].row) is None  # type: ignore[union-attr]


def test_a_choice_makes_no_ledger_and_outlives_the_kernel(open_session: Open, service: FakeService) -> None:
    """It is remembered at once, and written down as soon as there is a ledger anyway."""
    session = open_session(tier="silver")
    assert taste.recall(session, "hints", "on") == "on"
    taste.remember(session, "hints", "off")
    assert taste.recall(session, "hints", "on") == "off"
    assert not session.has_ledger()
    session.make(asked()).wait()
    taste.write_down(session)
    assert taste.recall(open_session(tier="silver"), "hints", "on") == "off"
