"""Reports: one file that says everything of its clips, and nothing of the machine it was made on."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.travel import report

KEY = "of-no-known-shape"
STEPS = ("submitting", "submitted", "processing", "downloading", "completed")
HOSTILE = '</video></table><script>alert(1)</script><img src=x onerror="alert(2)">\'"&\u202egnp.exe'
EMPTY = frozenset({"meta", "img", "br", "circle", "line"})


class Clock:
    """A clock that shows the same times in every run."""

    def __init__(self) -> None:
        self.now = 1_793_700_000.0

    def __call__(self) -> float:
        """Give the time."""
        self.now += 7.0
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a ledger beside which a notebook would lie."""
    with Ledger.open(tmp_path / "hailuo" / "ledger.db", clock=Clock()) as opened:
        yield opened


def add(ledger: Ledger, folder: Path, number: int, *, ends: str = "completed", **about: Any) -> ClipRow:
    """Put a clip into the ledger, and a file of 3,000 bytes where it is finished."""
    prompt = about.pop("prompt", f"A fox number {number}")
    facts = {"service": "simulator", "variant": "t2v-pro", "axes": {}, "name": "fox", "take": 1} | about
    new = NewClip(
        request_hash=hashlib.sha256(f"{number}{facts}".encode()).hexdigest(),
        model_id=f"minimax/hailuo-2.3/{facts['variant']}",
        prompt=prompt,
        inputs={"prompt": prompt},
        quote_usd=Decimal("0.49"),
        quote_source="table",
        duration_s=6,
        **facts,
    )
    got = ledger.reserve(NewBatch(), [new])[0]
    file = f"hailuo/clips/fox #{number}-t1.mp4"
    row = got.row
    for status in (
        (*STEPS[:3], ends) if ends == "failed" else STEPS[: STEPS.index(ends) + 1] if ends in STEPS else ()
    ):
        more: dict[str, Any] = {}
        if status == "completed":
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(bytes([number]) * 3_000)
            more = {
                "path": file,
                "duration_s": 6.0,
                "width": 1366,
                "height": 768,
                "fps": 24.0,
                "bytes": 3_000,
            }
        if status == "failed":
            more = {"error": f"Refused: {HOSTILE}"}
        row = ledger.move(row.id, fence=got.fence or 0, to=status, **more)
    return row


def poster(path: Path) -> bytes:
    """Give a small picture, without decoding a clip."""
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (48, 27), (path.read_bytes()[0], 0, 0)).save(out, "JPEG")
    return out.getvalue()


def write(ledger: Ledger, folder: Path, name: str = "report.html", **how: Any) -> str:
    """Write a report of all clips of a ledger and read it."""
    path = report.write(folder / name, ledger, ledger.rows(), folder, poster=poster, known=[KEY], **how)
    return path.read_text("utf-8")


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, the text that people see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """List the attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def says(self, words: str) -> bool:
        """Tell whether people can read this."""
        return words in " ".join(self.text.split()).replace("\N{NO-BREAK SPACE}", " ")


def test_a_report_says_everything_about_its_clips(ledger: Ledger, tmp_path: Path) -> None:
    """Counts, money apart, the words all share, each clip's own, stars, notes, votes, ranks, costs, models, terms."""
    axes = [
        {"light": light, "camera": camera}
        for light in ("dawn", "noon")
        for camera in ("[Pan left]", "[Push in]")
    ]
    rows = [
        add(ledger, tmp_path, number, axes=each, prompt=f"A fox at {each['light']}, {each['camera']}",
            prompt_template="A fox at {light}, {camera}")
        for number, each in enumerate(axes)
    ]  # fmt: skip
    rows.append(add(ledger, tmp_path, 7, service="wavespeed", variant="t2v-standard", ends="failed"))
    ledger.rate(rows[0].id, rating=4, note="the calm one")
    ballot = ledger.open_ballot(0, {})
    for number in range(1, 7):
        ledger.vote(ballot.id, number=number, left=rows[0].id, right=rows[2].id, answer="left")
    page = Page(write(ledger, tmp_path))
    assert page.says("fox 5 clips · 2 variants · 4 done · $0.00 · simulated $1.96 · 1 of unknown cost")
    assert page.says("★★★★☆ · 6 won, 0 lost")
    assert page.says("the calm one")
    assert page.says("By light , 6 votes")
    assert page.says("1366 × 768")
    assert page.says("24 Nov 2026") or page.says("2026, ")
    assert page.says("made with hailuo_nb 0.1.0")
    assert page.says("minimax/hailuo-2.3/t2v-pro , minimax/hailuo-2.3/t2v-standard")
    assert page.says("4 of these clips are simulated")
    assert {link["href"] for link in page.all("a") if (link["href"] or "").startswith("https:")} == {
        "https://www.minimax.io/terms-of-service-v2.html",
        "https://wavespeed.ai/models/minimax/hailuo-2.3/t2v-pro",
        "https://wavespeed.ai/models/minimax/hailuo-2.3/t2v-standard",
    }
    assert {each["scope"] for each in page.all("th")} == {"col", "row"}
    assert len(page.all("figure")) == 5
    assert len(page.all("mark")) == 8, "in each prompt of the sweep its two values"


def test_clips_that_fit_are_inside_and_the_others_are_pictures_with_a_link(
    ledger: Ledger, tmp_path: Path
) -> None:
    """What a clip adds is its size as base64; a smaller one behind a larger one may still fit."""
    rows = [add(ledger, tmp_path, number) for number in range(3)]
    (tmp_path / (rows[0].path or "")).write_bytes(bytes(9_000))
    page = Page(write(ledger, tmp_path, embed_bytes=8_000))
    clips = [str(each["src"]) for each in page.all("video")]
    assert clips == [f"data:video/mp4;base64,{base64.b64encode(bytes([n]) * 3_000).decode()}" for n in (1, 2)]
    assert [each["href"] for each in page.all("a") if each.get("class") == "frame"] == [
        "hailuo/clips/fox%20%230-t1.mp4"
    ]
    assert page.says("2 of 3 clips; the others as pictures")
    assert Page(write(ledger, tmp_path, embed_bytes=0)).all("video") == []
    assert len(Page(write(ledger, tmp_path)).all("video")) == 3


def test_a_hostile_text_is_only_ever_text(ledger: Ledger, tmp_path: Path) -> None:
    """In names, prompts, axes, notes, errors and titles: no element, attribute or policy comes from them."""
    harmless = [add(ledger, tmp_path, n, axes={"light": str(n)}) for n in range(3)]
    before = [name for name, _ in Page(write(ledger, tmp_path, title="x")).elements]
    assert len(harmless) == 3
    rows = [
        add(
            ledger,
            tmp_path,
            n,
            name=HOSTILE,
            prompt=f"{HOSTILE} {n}",
            axes={HOSTILE: f"{HOSTILE}{n}"},
            variant=HOSTILE,
        )
        for n in range(3, 6)
    ]
    rows.append(add(ledger, tmp_path, 6, ends="failed", prompt=HOSTILE))
    ledger.rate(rows[0].id, rating=3, note=HOSTILE)
    html = write(ledger, tmp_path, title=HOSTILE)
    page = Page(html)
    assert set(before) >= {name for name, _ in page.elements} - {"br", "mark"}
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "\u202e" not in html
    assert page.text.count("<script>alert(1)</script>") > 10
    assert all(each["src"] and each["src"].startswith("data:image/jpeg;base64,") for each in page.all("img"))


def test_nothing_but_what_stands_in_it_may_run_or_show(ledger: Ledger, tmp_path: Path) -> None:
    """The page's policy lets in its one script and its one style by their sums, and no address at all."""
    add(ledger, tmp_path, 0)
    html = write(ledger, tmp_path)
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert found is not None
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inner is not None
        total = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{rule} 'sha256-{total}'" in found[1]
    assert found[1].startswith("default-src 'none'; img-src data:; media-src data:;")
    assert "unsafe" not in found[1]
    assert ' style="' not in html, "the policy would drop it"


def test_no_key_home_path_or_signed_address_is_in_a_report(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever somebody wrote; the report says that something was taken out, and not what."""
    secret = f"/home/ana/fox.png {KEY} https://cdn.example/a.mp4?Signature=abc123&Expires=1"
    row = add(
        ledger, tmp_path, 0, prompt=f"A fox from {secret}", name="fox", axes={"light": secret}, tags=(secret,)
    )
    ledger.rate(row.id, note=secret)
    html = write(ledger, tmp_path, title=f"{secret}")
    assert not any(word in html for word in ("ana/", KEY, "abc123", str(tmp_path), "/root", "/tmp"))
    assert Page(html).says("A fox from ~/fox.png *** https://cdn.example/a.mp4")
    assert Page(html).says("taken out keys, home paths or signed addresses, of 2 texts")


def test_the_same_clips_give_the_same_report(ledger: Ledger, tmp_path: Path) -> None:
    """No time of writing and no random name is in it, unless it was passed in."""
    from datetime import UTC, datetime

    add(ledger, tmp_path, 0)
    first = write(ledger, tmp_path)
    assert write(ledger, tmp_path, "other.html") == first
    assert Page(write(ledger, tmp_path, made=datetime(2026, 11, 22, 9, 5, tzinfo=UTC))).says(
        "report of 22 Nov 2026, 09:05 UTC"
    )


def test_only_a_report_is_written_over(ledger: Ledger, tmp_path: Path) -> None:
    """Somebody's own page stays unless it is asked for; a report is replaced; a failure leaves what was there."""
    add(ledger, tmp_path, 0)
    mine = tmp_path / "mine.html"
    mine.write_text("<p>hailuo_nb report</p>")
    with pytest.raises(InvalidRequest, match=r"mine.html is there already and is no report of ours"):
        write(ledger, tmp_path, "mine.html")
    assert mine.read_text() == "<p>hailuo_nb report</p>"
    write(ledger, tmp_path, "mine.html", overwrite=True)
    before = write(ledger, tmp_path, "mine.html")

    def broken(_: Path) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report.write(mine, ledger, ledger.rows(), tmp_path, poster=broken)
    assert mine.read_text("utf-8") == before
    link = tmp_path / "link.html"
    link.symlink_to(mine)
    with pytest.raises(InvalidRequest, match=r"link.html is there already"):
        write(ledger, tmp_path, "link.html")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["hailuo", "link.html", "mine.html"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.pdf", "A report is HTML: name it report.html"),
        ("none/report.html", "report.html was not written: No such file or directory"),
        ("folder.html", "folder.html is a folder"),
    ],
)
def test_a_place_where_no_report_can_be_is_refused_in_one_line(
    ledger: Ledger, tmp_path: Path, name: str, said: str
) -> None:
    """The line says what to do, and no folder of this machine."""
    add(ledger, tmp_path, 0)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InvalidRequest) as raised:
        write(ledger, tmp_path, name)
    assert said in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_no_clips_and_too_many_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    """A report of nothing says nothing, and one of thousands opens nowhere."""
    row = add(ledger, tmp_path, 0)
    with pytest.raises(InvalidRequest, match="no clips to report on"):
        report.write(tmp_path / "a.html", ledger, [], tmp_path)
    with pytest.raises(InvalidRequest, match="501 clips are too many for one report; take 500"):
        report.write(tmp_path / "a.html", ledger, [row] * 501, tmp_path)


def test_clips_that_cannot_be_shown_say_why(ledger: Ledger, tmp_path: Path) -> None:
    """A file that is gone, one that is no video, one outside the folder, and clips that are not finished."""
    rows = [add(ledger, tmp_path, number) for number in range(3)]
    add(ledger, tmp_path, 3, ends="processing")
    add(ledger, tmp_path, 4, ends="planned")
    (tmp_path / (rows[0].path or "")).unlink()
    outside = tmp_path.parent / f"{tmp_path.name}-secret.mp4"
    outside.write_bytes(b"secret")
    (tmp_path / (rows[2].path or "")).unlink()
    (tmp_path / (rows[2].path or "")).symlink_to(outside)

    def refusing(path: Path) -> bytes:
        assert path.name == "fox #1-t1.mp4", "nothing else is read"
        raise ClipInvalid("no video")

    path = report.write(tmp_path / "report.html", ledger, ledger.rows(), tmp_path, poster=refusing)
    page = Page(path.read_text("utf-8"))
    assert page.says("its file is not here")
    assert page.says("its file cannot be read")
    assert page.says("◑ working")
    assert page.says("○ planned")
    assert page.says("quote $0.49") or page.says("simulated quote $0.49")
    assert page.all("video") == []
    outside.unlink()


def test_from_outside_the_notebooks_folder_no_link_tells_this_machines_names(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A report elsewhere holds clips, pictures and file names; one in a folder below links up and down."""
    (tmp_path / "notebook").mkdir()
    (tmp_path / "notebook" / "out").mkdir()
    folder = tmp_path / "notebook"
    add(ledger, folder, 0)
    rows = ledger.rows()

    def links(place: Path) -> set[str]:
        path = report.write(place / "r.html", ledger, rows, folder, poster=poster, embed_bytes=0)
        return {str(each["href"]) for each in Page(path.read_text("utf-8")).all("a")} - {"#clip-1"}

    def local(found: set[str]) -> set[str]:
        return {each for each in found if not each.startswith("https:")}

    assert local(links(tmp_path)) == set()
    assert local(links(folder / "out")) == {"../hailuo/clips/fox%20%230-t1.mp4"}


def test_clips_of_many_kinds_flow_and_a_long_prompt_opens(ledger: Ledger, tmp_path: Path) -> None:
    """Prompts that share nothing stand with their clips; a very long one is folded and all there."""
    long = "A fox " + "walks on " * 60 + "for ever"
    for number, prompt in enumerate(("A hare runs", "A stag stands", long)):
        add(ledger, tmp_path, number, prompt=prompt)
    page = Page(write(ledger, tmp_path))
    assert page.says("A hare runs")
    assert len(page.all("details")) == 1
    assert page.text.count(long) == 1
