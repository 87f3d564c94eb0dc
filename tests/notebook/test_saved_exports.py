"""What a page has saved, in all that a notebook is turned into: pages, slides, Markdown, LaTeX, and sanitizers."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

import bleach
import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter, SlidesExporter
from PIL import Image

from hailuo_nb.notebook.card import CardPainter
from hailuo_nb.notebook.view import Action, CardView, ClipView, arrange

# Markup, LaTeX that reads a file or ends its block, Markdown, and marks that turn the direction of text.
EVIL = (
    "<img src=x onerror=alert(1)></video><script>alert(2)</script> \\input{/etc/passwd} \\end{Verbatim} "
    "$x_1$ {{7*7}} ![a](javascript:alert(3)) \u202e 100% & #1 ~"
)
LOADING = "application/vnd.jupyter.widget-view+json"


def clip(key: str, **changes: Any) -> ClipView:
    """Make a finished clip whose words are hostile."""
    made = ClipView(
        key,
        id="3f2a91c0",
        name="fox",
        file="hailuo/clips/fox-3f2a91c0-t1.mp4",
        src="hailuo/clips/fox-3f2a91c0-t1.mp4",
        variant="t2v-pro",
        prompt=f"number {key} {EVIL}",
        status="completed",
        word="done",
        price="$0.49",
        width=1366,
        height=768,
        axes={"light": f"light {key}"},
    )
    return replace(made, **changes)


def card(*clips: ClipView) -> CardView:
    """Make a card of clips."""
    return arrange(CardView("b1", clips, headline="2 clips at $0.49 = $0.98", is_simulated=True))


def poster() -> bytes:
    """Draw a poster."""
    out = BytesIO()
    Image.linear_gradient("L").resize((480, 270)).convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


def outputs_of(
    start: CardView, end: CardView | None, posters: Mapping[str, bytes]
) -> list[Mapping[str, Any]]:
    """Give what a page that showed a card would save: at the end, or while its clips are out."""
    shown: dict[str, Mapping[str, Any]] = {}
    painter = CardPainter(
        "d",
        call_later=lambda _seconds, _call: None,
        publish=lambda bundle, name, _is_update: shown.update({name: bundle}),
    )
    painter.show(start, {})
    painter._on_msg(None, {"type": "hello", "page": "p"}, [])
    if end is not None:
        painter.rest(end, posters)
    painter.close()
    return list(shown.values())


@pytest.fixture(scope="module")
def saved() -> nbformat.NotebookNode:
    """Save three cells: one that is at rest, one whose clips are out, and one that failed."""
    out = {"status": "processing", "word": "working", "started_ms": 1}
    working = card(clip("0", **out), clip("1", **out))
    retry = Action("retry", "Try again $0.49", command="%hailuo retry 3f2a91c0")
    gone = clip("0", status="failed", word="failed", error=f"Refused (1301). {EVIL}", actions=(retry,))
    done = {"0": poster(), "1": poster()}
    cells = [
        outputs_of(working, card(clip("0"), clip("1")), done),
        outputs_of(working, None, {}),
        outputs_of(working, card(gone), {}),
    ]
    made = nbformat.v4.new_notebook()
    for outputs in cells:
        shown = [nbformat.v4.new_output("display_data", dict(bundle)) for bundle in outputs]
        made.cells.append(nbformat.v4.new_code_cell("%%hailuo\na fox", outputs=shown, execution_count=1))
    nbformat.validate(made)
    return made


def test_only_a_cell_whose_clips_are_out_has_a_widget(saved: nbformat.NotebookNode) -> None:
    """The others hold a line, and HTML, text and picture; of a clip, far less than twenty kilobytes."""
    kinds = [[set(output.data) for output in cell.outputs] for cell in saved.cells]
    html = {"text/html", "text/plain"}
    assert kinds == [[html, {*html, "image/jpeg"}], [{LOADING, "text/plain"}, html], [html, html]]
    assert len(json.dumps(saved.cells[0].outputs)) < 2 * 20_000


@pytest.mark.parametrize("exporter", [HTMLExporter, SlidesExporter])
def test_pages_and_slides_play_and_say_what_it_cost(
    saved: nbformat.NotebookNode, exporter: type[HTMLExporter]
) -> None:
    """Players with poster, caption and price; a dead widget leaves nothing; hostile words are words."""
    saved = saved.copy() | {"metadata": {}}
    page = BeautifulSoup(exporter().from_notebook_node(nbformat.from_dict(saved))[0], "html.parser")
    shown = page.select(".hailuo-twin")
    assert len(shown) == 3
    assert [len(one.select("video")) for one in shown] == [2, 2, 0]
    for video in shown[0].select("video"):
        assert video["src"] == "hailuo/clips/fox-3f2a91c0-t1.mp4"
        assert str(video["poster"]).startswith("data:image/jpeg;base64,")
    for one in shown[:2]:
        assert "light 0" in one.text
        assert "simulated $0.49" in one.text
    assert "will be hailuo/clips/fox-3f2a91c0-t1.mp4" in shown[1].text
    assert "%hailuo retry 3f2a91c0" in shown[2].text
    assert "Loading widget" not in page.text
    is_quiet(page)


def is_quiet(page: BeautifulSoup) -> None:
    """No hostile text has become markup."""
    assert page.text.count("<script>alert(2)</script>") >= 3
    assert page.select("img[src=x], [onerror], .hailuo-twin script") == []
    assert [
        tag for tag in page.select("[href], [src]") if "javascript:" in f"{tag.get('href')} {tag.get('src')}"
    ] == []
    assert "\u202e" not in page.text


def test_markdown_has_the_pictures_captions_and_costs(saved: nbformat.NotebookNode) -> None:
    """Its order is HTML first: the same as a page, with a picture and a link where players are taken out."""
    text, _ = MarkdownExporter().from_notebook_node(saved)
    page = BeautifulSoup(text, "html.parser")
    pictures = page.select(".hailuo-twin video > a > img")
    assert len(pictures) == 2
    assert pictures[0].parent is not None
    assert pictures[0].parent["href"] == "hailuo/clips/fox-3f2a91c0-t1.mp4"
    assert "light 0" in page.text
    assert "simulated $0.49" in page.text
    assert "%hailuo retry" in page.text
    is_quiet(page)


def test_latex_has_the_sheet_and_no_command_of_a_prompt(saved: nbformat.NotebookNode) -> None:
    """The order of a PDF is picture before text: the sheet, on which caption and cost are drawn, and text escaped."""
    text, resources = LatexExporter().from_notebook_node(saved)
    (name, data), *more = resources["outputs"].items()
    assert more == []
    assert text.count(f"{{{name}}}") == 1
    (twin,) = (output.data for output in saved.cells[0].outputs if "image/jpeg" in output.data)
    assert data == b64decode(twin["image/jpeg"])
    with Image.open(BytesIO(data)) as sheet:
        assert sheet.width == 516
        assert sheet.height > 135 + 2 * 18  # the posters and lines of text
    assert "simulated · 2 clips at \\$0.49" in text
    assert "\\input{/etc" not in text
    assert "\\textbackslash{}input\\{/etc/passwd\\}" in text
    assert text.count("\\begin{Verbatim}") == text.count("\\end{Verbatim}")


# As documented for GitHub's own filter (html-pipeline): these tags and attributes, and only addresses of the web.
TAGS = """h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture ol ul table thead tbody
tfoot blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details caption figure figcaption
abbr bdo cite dfn mark small source span time wbr"""
ATTRIBUTES = {
    "*": ["align", "alt", "height", "title", "width", "open"],
    "a": ["href"],
    "img": ["src", "longdesc"],
}


@pytest.mark.parametrize("data_urls", [True, False], ids=["with-pictures", "without"])
def test_where_players_are_taken_out_a_linked_picture_is_left(
    saved: nbformat.NotebookNode, *, data_urls: bool
) -> None:
    """Such as on GitHub: the picture that was inside the player, its link, caption and price; at least its words."""
    html = "".join(output.data.get("text/html", "") for cell in saved.cells for output in cell.outputs)
    html = re.sub(r"<style\b.*?</style>", "", html)  # as every view of notebooks does with that of pandas
    protocols = {"http", "https", "mailto"} | ({"data"} if data_urls else set())
    left = bleach.clean(html, TAGS.split(), ATTRIBUTES, protocols, strip=True, strip_comments=True)
    page = BeautifulSoup(left, "html.parser")
    assert page.select("video, style, [style], [onclick], [class]") == []
    links = [link for link in page.select("a[href]") if link.select("img")]
    assert [link["href"] for link in links] == ["hailuo/clips/fox-3f2a91c0-t1.mp4"] * 2
    pictures = [image for link in links for image in link.select("img")]
    assert [str(image.get("src", ""))[:22] for image in pictures] == [
        "data:image/jpeg;base64" if data_urls else ""
    ] * 2
    assert all("light" in str(image["alt"]) for image in pictures)
    assert page.text.count("simulated $0.49") == 5
    assert "light 1" in page.text
    assert "%hailuo retry 3f2a91c0" in page.text
    is_quiet(page)
