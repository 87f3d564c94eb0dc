"""Cleaning a notebook: what gives something away is cut out, and every other byte stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.travel.clean import clean, cleaned
from hailuo_nb.travel.jsontext import strings_of
from hailuo_nb.travel.private import found_in, keys_in, without

KEY = "wsk/0123 not of any shape 4567".replace(" ", "-")
SHAPED = "sk-proj-Ab12Cd34Ef56Gh78Ij90"
SIGNED = "https://cdn.example/a.mp4?X-Amz-Expires=60&X-Amz-Signature=abc123"
HOMES = ("/srv/people/ana",)

SECRETS = {
    "key": [
        SHAPED,
        "hf_abcdefghijKLMNOP1234567",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1" * 18,
        "Bearer abcdef0123456789abcdef",
        "WAVESPEED_API_KEY=0123456789abcdef01",
        "%env WAVESPEED_API_KEY 0123456789abcdef01",
        'os.environ["WAVESPEED_API_KEY"] = "only-letters-in-quotes"',
        "WAVESPEED_API_KEY=&#39;0123456789abcdef01&#39;",
        KEY,
    ],
    "home path": [
        "/home/ana/fox.mp4",
        "/Users/ana/fox.mp4",
        "C:\\Users\\Ana Lima\\fox.mp4",
        "'C:\\\\Users\\\\ana\\\\fox.mp4'",
        "/root/fox.mp4",
        "file:///home/ana/fox.mp4",
        "/mnt/c/Users/ana/fox.mp4",
        "/srv/people/ana/fox.mp4",
        "'a line\\n/home/ana/fox.mp4'",
    ],
    "signed address": [
        SIGNED,
        SIGNED.replace("&", "&amp;"),
        "http://localhost:8888/lab?token=0123abcd",
        "https://x.blob.example/a.mp4?sv=2024&sig=a%2Fb&se=2026",
    ],
    "password in an address": ["https://ana:pass1word@example.org/a"],
}
HARMLESS = [
    "A {{animal}} crosses a river, {light: dawn|noon}, [Pan left], $5 and 50%, {# #}, \\{ \\}",
    "/imagine a home /by the sea, ~/ or //home, and/or /users and /roots",
    "https://example.org/home/ana/fox?page=2&tokens=3",
    "WAVESPEED_API_KEY = getpass.getpass()",
    "WAVESPEED_API_KEY=your-key-here and HF_TOKEN=<paste it>",
    'os.environ["WAVESPEED_API_KEY"]',
    "a sk-learn-like-pipeline-of-many-words and Bearer of good news, tokens and signatures",
    "hf_hub_download_is_a_function_name, ghp_, AKIA, sk-",
    "Authorization: Bearer ***",
]


def a_notebook(text: str, **more: Any) -> dict[str, Any]:
    """Make a notebook that holds a text in every place a notebook has."""
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "c1",
        "metadata": {"note": text},
        "outputs": [
            {"name": "stdout", "output_type": "stream", "text": ["before\n", text]},
            {
                "data": {
                    "text/html": f"<b>{text}</b>",
                    "application/json": {"deep": [text]},
                    "image/png": "AAAA",
                },
                "metadata": {},
                "output_type": "display_data",
            },
            {"ename": "E", "evalue": text, "output_type": "error", "traceback": [f"\x1b[31m{text}\x1b[0m"]},
        ],
        "source": [f"# {text}\n", "x = 1"],
    }
    markdown = {"cell_type": "markdown", "id": "c2", "metadata": {}, "source": text}
    return {
        "cells": [cell, markdown],
        "metadata": {"widgets": {"state": {text: {"state": {"value": text}}}}},
        "nbformat": 4,
        "nbformat_minor": 5,
        **more,
    }


def write(folder: Path, notebook: object, **how: Any) -> Path:
    """Write a notebook's file in some way of writing JSON."""
    path = folder / "fox.ipynb"
    path.write_bytes((json.dumps(notebook, **how) + "\n").encode())
    return path


@pytest.mark.parametrize(("kind", "secret"), [(kind, text) for kind in SECRETS for text in SECRETS[kind]])
def test_what_gives_something_away_is_found_in_every_place_and_taken_out(
    tmp_path: Path, kind: str, secret: str
) -> None:
    """Source, streams, HTML, JSON, tracebacks, metadata and the names of widget state; the file is a notebook after."""
    path = write(tmp_path, a_notebook(secret), indent=1, ensure_ascii=False)
    said = clean(path, known=[KEY], homes=HOMES)
    assert said.is_written
    assert {each.kind for each in said.found} == {kind}
    assert {each.cell for each in said.found} == {1, 2, None}
    assert said.found[0].places == ("metadata", "output", "text")
    after = path.read_text("utf-8")
    private = (
        "ana",
        "Lima",
        "0123",
        "Signature",
        "token=",
        "sig=",
        "pass1word",
        "Ab12",
        "a1a1",
        "IOSF",
        "letters",
    )
    assert not any(word in after for word in private if word in secret and word not in ("ana",))
    assert "/ana" not in after
    assert "\\ana" not in after
    assert found_in(after, [KEY], HOMES) == []
    nbformat.validate(nbformat.read(path, as_version=4))


def test_what_is_said_never_shows_a_secret(tmp_path: Path) -> None:
    """One line a cell and kind, with at most four characters of a key."""
    path = write(tmp_path, a_notebook(f"{SHAPED} /home/ana/x {SIGNED}"))
    said = str(clean(path, check=True))
    assert "cell 1: 7 keys (sk-p…) in its metadata, output and text" in said
    assert "cell 2: 1 signed address in its text" in said
    assert "the notebook: 2 home paths in its metadata" in said
    assert not any(word in said for word in (SHAPED[4:], "ana", "abc123", str(tmp_path)))


def test_checking_changes_nothing_and_a_clean_file_is_not_written(tmp_path: Path) -> None:
    """With ``check`` the bytes stay; where nothing is found not even the file's time changes."""
    path = write(tmp_path, a_notebook(SHAPED), indent=4)
    before = path.read_bytes()
    assert not clean(path, check=True).is_written
    assert path.read_bytes() == before
    clean(path)
    path.chmod(0o640)
    stamp = path.stat()
    said = clean(path)
    assert (said.found, said.is_written) == ((), False)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (stamp.st_mtime_ns, stamp.st_ino)


def test_the_file_stays_who_may_read_it_and_a_link_to_it_stays_a_link(tmp_path: Path) -> None:
    """The clean file takes the place of the notebook itself, with its rights, and leaves nothing beside it."""
    (tmp_path / "real").mkdir()
    real = write(tmp_path / "real", a_notebook(SHAPED))
    real.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(real)
    clean(link)
    assert link.is_symlink()
    assert SHAPED not in real.read_text("utf-8")
    assert real.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in real.parent.iterdir()] == ["fox.ipynb"]


@pytest.mark.parametrize(
    "how", [{"indent": 1}, {"indent": "\t", "ensure_ascii": False}, {"separators": (",", ":")}]
)
def test_only_what_gives_something_away_is_cut_out(how: dict[str, Any]) -> None:
    """Indentation, escapes, the order of keys, numbers and all other text stay byte for byte."""
    text = f"é \U0001f98a <b>&amp; / \\ {SHAPED} \u2028 end"
    notebook = a_notebook(text, zebra=1.50, aardvark=1e5)
    for ending in ("", "\n", "\r\n\r\n"):
        before = "\ufeff" * (ending == "") + json.dumps(notebook, **how) + ending
        after, _ = cleaned(before)
        assert after == before.replace(SHAPED, "***")


def test_a_key_in_many_colours_is_found_and_the_colours_stay() -> None:
    """Tracebacks colour parts of a text; a key half red and half blue is a key, whole or escaped in the file."""
    coloured = f"\x1b[31m{SHAPED[:9]}\x1b[0;34m{SHAPED[9:]}\x1b[0m"
    assert without(coloured) == "\x1b[31m***\x1b[0;34m\x1b[0m"
    for is_ascii in (True, False):
        after, _ = cleaned(json.dumps({"a": coloured}, ensure_ascii=is_ascii))
        assert json.loads(after) == {"a": "\x1b[31m***\x1b[0;34m\x1b[0m"}


def test_pictures_are_left_alone() -> None:
    """The bytes of a picture are noise, in which anything may seem to stand."""
    noise = "AKIAABCDEFGHIJKLMNOP"
    picture = {"data": {"image/png": noise, "text/html": f'<img src="data:image/png;base64,{noise}">'}}
    text = json.dumps({"cells": [{"outputs": [picture], "attachments": {"a.png": {"image/png": noise}}}]})
    assert cleaned(text) == (text, ())


def test_names_that_become_equal_are_told_apart() -> None:
    """Two names of one object must not become one: a value would be lost."""
    text = json.dumps({"/home/ana": 1, "/home/bob": 2, "~": 3, "x": {"/home/cy": 4}})
    after = json.loads(cleaned(text)[0])
    assert sorted(value for value in after.values() if value != after["x"]) == [1, 2, 3]
    assert after["x"] == {"~": 4}
    assert not any("/home" in name for name in after)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_merely_looks_odd_stays(text: str) -> None:
    """A prompt, a placeholder, a call that asks for the key: none of them gives anything away."""
    assert without(text) == text


PIECES = st.sampled_from(
    [*HARMLESS, *(text for kind in SECRETS.values() for text in kind), " ", "\n", '"', "\\", "é"]
)
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=8).map("".join)


@given(TEXTS)
def test_a_second_cleaning_changes_nothing(text: str) -> None:
    """What was taken out leaves nothing that would be taken out next time."""
    once = without(text, [KEY], HOMES)
    assert without(once, [KEY], HOMES) == once


DOCUMENTS = st.recursive(
    TEXTS | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(DOCUMENTS, st.booleans())
def test_a_cleaned_document_is_the_document_of_its_cleaned_texts(document: Any, is_ascii: bool) -> None:
    """Cutting in the file does what cleaning each text does, escapes and all."""
    before = json.dumps({"all": document}, ensure_ascii=is_ascii)
    after, found = cleaned(before, known=[KEY], homes=HOMES)
    known = [KEY, *(key for each in strings_of(before) for key in keys_in(each.text, [KEY]))]
    assert json.loads(after) == _each({"all": document}, known)
    assert bool(found) == (after != before)


def _each(value: Any, known: Sequence[str]) -> Any:
    """Clean every text of a document."""
    if isinstance(value, str):
        return without(value, known, HOMES)
    if isinstance(value, list):
        return [_each(each, known) for each in value]
    return {name: _each(each, known) for name, each in value.items()} if isinstance(value, dict) else value


def test_a_key_that_one_cell_gives_away_is_found_where_another_prints_it() -> None:
    """``%env NAME=value`` names it; the bare value in another output is the same key, and a short word is not."""
    key = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    cells = [f"%env WAVESPEED_API_KEY={key}", f"'{key}'", "OTHER_API_KEY='production'", "production of 2026"]
    after, found = cleaned(json.dumps({"cells": [{"source": text} for text in cells]}))
    assert [each["source"] for each in json.loads(after)["cells"]] == [
        "%env WAVESPEED_API_KEY=***",
        "'***'",
        "OTHER_API_KEY='***'",
        "production of 2026",
    ]
    assert [each.cell for each in found] == [1, 2, 3]


def test_every_string_of_a_document_is_known_with_its_place() -> None:
    """The path to each string is the one that a person would write."""
    text = '{"a": [1, {"b": "x"}, ["y", "z"]], "c\\n": {}, "d": "\\ud83e\\udd8a!"}'
    found = {(each.path, each.text) for each in strings_of(text) if not each.is_key}
    assert found == {(("a", 1, "b"), "x"), (("a", 2, 0), "y"), (("a", 2, 1), "z"), (("d",), "\U0001f98a!")}
    assert [each.text for each in strings_of(text) if each.is_key] == ["a", "b", "c\n", "d"]
    assert list(strings_of(text))[-1].places() == [0, 12, 13]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "its line 1 is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "no notebook: it has no cells"),
        (b'{"nbformat": 4}', "no notebook: it has no cells"),
        (b'{"nbformat": 3, "worksheets": []}', "is in the old format 3; open it in Jupyter"),
        (None, "There is no file fox.ipynb"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    """The line says what to do, and shows no folder of this machine."""
    path = tmp_path / "fox.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequest) as raised:
        clean(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A file of many gigabytes would take the kernel's memory."""
    path = tmp_path / "fox.ipynb"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(InvalidRequest, match="has 300 MB, too much to look through; clear its outputs first"):
        clean(path)


def test_a_folder_that_cannot_be_written_leaves_the_notebook_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the way says so in one line, and nothing half written is left."""
    path = write(tmp_path, a_notebook(SHAPED))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InvalidRequest, match=r"fox.ipynb was not written: No space left on device"):
        clean(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["fox.ipynb"]
