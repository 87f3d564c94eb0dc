"""The form as code asks for the same: as a cell, as Python, for a shell, and for the official clients."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from form_world import (
    all_requests,
    asked_by_cell,
    asked_by_python,
    clips_of,
    draw_picture,
    read_form,
    requests_of,
)
from hypothesis import given
from hypothesis import strategies as st
from simulator_process import SimulatorProcess, start_simulator

from hailuo_nb.catalog.variants import find
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.form.codes import KINDS, code_of
from hailuo_nb.notebook.form.magic import Unwritable, cell_text, quoted_word
from hailuo_nb.notebook.form.python import call_text
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.option_words import cut
from hailuo_nb.session.forecast import Forecast

KEY = "secret-key-0123456789abcdef"
NASTY = (
    'it\'s "quoted" `ticks` $HOME ${x} $(touch gone) !! \\ \\n %s {{x}} {a|b} { c } \\{d} [Pan left]\n'
    "---\nzweite Zeile: füchse 狐狸 \U0001f98a \u2028 \u200f & < > # ; * ? ~\n'''\n\"\"\"\nEOF\nJSON\n--data @file"
)
# Everything that has a meaning somewhere on the way, and a few letters.
SIGNS = "ab '\"\\`$!%{}|[]()#;&<>*?~^=-+@,.:/\n\t狐\u2028\x0b\U0001f98a"
ALPHABET = st.sampled_from([*SIGNS, "{{", "}}", "---", "\n---\n"])
TEXTS = st.lists(ALPHABET, max_size=24).map("".join)
NAMES = {"x": "a {b|c} \\{ --- | }", "nothing": "", "lines": "one\n---\ntwo"}


def code(kind: str, state: FormState, folder: Path, names: dict[str, Any] | None = None) -> str:
    """Give a form as code."""
    reading = read_form(state, folder, namespace=names)
    assert reading.asked is not None, reading.faults

    def keep(data: bytes, _name: str) -> str:
        (folder / "kept.png").write_bytes(data)
        return "kept.png"

    clips = clips_of(reading.asked)
    return code_of(kind, state, find(state.variant), reading, Forecast(clips, clips, "simulator"), keep)


@given(
    text=TEXTS, wrap=st.sampled_from(["{}", "{} {{{{x}}}}", "a {{{{lines}}}} {}", "{{l: {{{{x}}}}|b}} {}"])
)
def test_any_prompt_survives_as_a_cell_and_as_python(text: str, wrap: str) -> None:
    """Whatever stands in a prompt, values included, the cell and the call that say it make equal requests."""
    folder = Path.cwd()
    state = FormState("t2v-standard", wrap.format(text))
    reading = read_form(state, folder, namespace=NAMES)
    if reading.asked is None:
        return  # the grammar refuses it, and says why
    requests = requests_of(reading.asked)
    variant = find("t2v-standard")
    cell, _, _ = asked_by_cell(cell_text(state, variant, reading), folder, NAMES)
    assert requests_of(cell) == requests
    called = asked_by_python(call_text(state, variant, reading), folder)
    assert all_requests(asked for asked, _, _ in called) == requests


LABELS = st.text(st.sampled_from(list("ab '$!{}-=,.()@#é狐\"\\")), max_size=10)


@given(name=LABELS, tag=LABELS, value=LABELS, path=LABELS, raw=st.booleans())
def test_any_word_survives_on_the_line_or_is_refused(
    name: str, tag: str, value: str, path: str, raw: bool
) -> None:
    """Names, tags, values and addresses are read back as written; what no line can carry is said, never changed."""
    folder = Path.cwd()
    state = FormState(
        "fast",
        "a fox at dawn" if raw else "a fox at {light}",
        image=f"https://example.com/{path.replace(' ', '')}.png",
        axes=() if raw else (("light", f"{value}|dusk"),),
        name=name,
        tags=tag,
        raw=raw,
    )
    reading = read_form(state, folder)
    if reading.asked is None:
        return
    wanted = (requests_of(reading.asked), reading.name, reading.tags)
    cell = None
    with suppress(Unwritable):
        cell = cell_text(state, find("fast"), reading)
    if cell is not None:
        asked, said, tags = asked_by_cell(cell, folder, {})
        assert (requests_of(asked), said, tags) == wanted
    [(asked, said, tags)] = asked_by_python(call_text(state, find("fast"), reading), folder)
    assert (requests_of(asked), said, tags) == wanted


@given(text=st.text(st.sampled_from(list("ab '\"\\{}=|$-é")), min_size=1, max_size=12), after=LABELS)
def test_any_text_is_one_word_when_quoted(text: str, after: str) -> None:
    """Quotes, backslashes and braces are read back as they were, whatever follows on the line."""
    line = f"--name {quoted_word(text)} --tag {quoted_word(after or 'x')}"
    faults: list[str] = []
    assert [word.text for word in cut(line, faults)] == ["--name", text, "--tag", after or "x"]
    assert faults == []


def test_ordinary_words_need_no_refusal(tmp_path: Path) -> None:
    """What a person writes can be said on a line, and reads as one would have typed it."""
    draw_picture(tmp_path, "my photo.png")
    state = FormState(
        "fast",
        "a fox at {light}",
        image="my photo.png",
        fit="pad",
        duration=10,
        takes=3,
        go_fast=False,
        expand=False,
        axes=(("light", "dawn | blue hour"),),
        name="it's mine",
        tags="draft, to keep",
    )
    assert code("magic", state, tmp_path) == (
        '%%hailuo fast --duration 10 --takes 3 --image "my photo.png" --fit pad --no-expand --no-go-fast '
        '--vary "light=dawn|blue hour" --name "it\'s mine" --tag draft --tag "to keep"\na fox at {light}'
    )
    assert "image='my photo.png'" not in code("python", state, tmp_path)
    assert 'image="my photo.png"' in code("python", state, tmp_path)


@pytest.mark.parametrize("name", ["t2v-standard", "t2v-pro", "i2v-standard", "i2v-pro", "fast", "fast-pro"])
def test_cell_and_python_of_every_variant(name: str, tmp_path: Path) -> None:
    """For each variant both make the requests of the form."""
    variant = find(name)
    state = FormState(
        name,
        "A fox, {camera: [Pan left]|[Push in]}",
        image=draw_picture(tmp_path) if variant.takes_image else "",
        duration=max(variant.lengths_s) if variant.has("duration") else None,
        takes=2,
        expand=not variant.default("enable_prompt_expansion"),
        go_fast=False if variant.has("go_fast") else None,
    )
    reading = read_form(state, tmp_path)
    assert reading.asked is not None
    requests = requests_of(reading.asked)
    assert requests_of(asked_by_cell(code("magic", state, tmp_path), tmp_path, {})[0]) == requests
    called = asked_by_python(code("python", state, tmp_path), tmp_path)
    assert all_requests(asked for asked, _, _ in called) == requests


def test_other_inputs_are_said_too(tmp_path: Path) -> None:
    """Numbers, texts and choices of another model stand in cell and call."""
    inputs = {"seed": "7", "negative_prompt": "it's blurred, 5", "size": "720*1280", "shot_type": "multi"}
    state = FormState("wan-t2v", "a fox", inputs=inputs)
    reading = read_form(state, tmp_path)
    assert reading.asked is not None
    cell, _, _ = asked_by_cell(code("magic", state, tmp_path), tmp_path, {})
    [(call, _, _)] = asked_by_python(code("python", state, tmp_path), tmp_path)
    [(request, _)] = requests_of(reading.asked)
    assert request.inputs["seed"] == 7
    assert requests_of(cell) == requests_of(call) == [(request, 1)]


def test_no_code_holds_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is named as an environment variable, and an unknown kind is refused."""
    monkeypatch.setenv("WAVESPEED_API_KEY", KEY)
    state = FormState("t2v-pro", NASTY, raw=True)
    for kind in KINDS:
        text = code(kind, state, tmp_path)
        assert KEY not in text
        assert ("WAVESPEED_API_KEY" in text) is (kind in {"curl", "sdk", "node"})
    with pytest.raises(InvalidRequest, match="none of them"):
        code("perl", state, tmp_path)


# Against the simulator


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Start one for this module."""
    with start_simulator(tmp_path_factory.mktemp("samples"), workers=1) as running:
        yield running


def newest(simulator: SimulatorProcess) -> dict[str, Any]:
    """Give model and inputs of what arrived last."""
    body = {"page": 1, "page_size": 1, "include_inputs": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(
        f"{simulator.base_url}/api/v3/predictions", json=body, headers=headers, trust_env=False
    )
    [item] = answer.json()["data"]["items"]
    return {"model": item["model"], **(item.get("inputs") or item["input"])}


def run(command: list[str], folder: Path, simulator: SimulatorProcess, **more: str) -> str:
    """Run a sample as a person would paste it, with key and address in the environment."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1", **more}
    environment |= {"WAVESPEED_API_KEY": KEY, "WAVESPEED_BASE_URL": simulator.base_url}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def states(folder: Path) -> list[FormState]:
    """Give a form with a difficult prompt, and one with a picture file."""
    picture = draw_picture(folder, "it's a photo.png")
    return [
        FormState("t2v-pro", NASTY, raw=True),
        FormState("fast", "A fox 'runs'", image=picture, duration=10, go_fast=False),
    ]


def check(simulator: SimulatorProcess, state: FormState, folder: Path) -> None:
    """Hold what arrived against the form's request, the picture by its own bytes."""
    reading = read_form(state, folder)
    assert reading.asked is not None
    [(request, _)] = requests_of(reading.asked)
    arrived = newest(simulator)
    image = arrived.pop("image", None)
    assert arrived.pop("model") == request.model_id
    assert arrived == {name: value for name, value in request.inputs.items() if name != "image"}
    if state.image:
        inline = image.startswith("data:image/png;base64,")
        sent = (
            base64.b64decode(image.partition(",")[2]) if inline else httpx.get(image, trust_env=False).content
        )
        assert sent == (folder / state.image).read_bytes()


@pytest.mark.parametrize("number", [0, 1])
def test_the_curl_sample(number: int, simulator: SimulatorProcess, tmp_path: Path) -> None:
    """A shell sends exactly the request, and runs nothing that stands in the prompt."""
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    state = states(tmp_path)[number]
    answer = run(["sh", "-c", code("curl", state, tmp_path)], tmp_path, simulator)
    assert json.loads(answer)["data"]["status"] == "created"
    assert not (tmp_path / "gone").exists()
    check(simulator, state, tmp_path)


@pytest.mark.parametrize("number", [0, 1])
def test_the_python_sdk_sample(number: int, simulator: SimulatorProcess, tmp_path: Path) -> None:
    """The official Python client makes the clip."""
    pytest.importorskip("wavespeed")
    state = states(tmp_path)[number]
    (tmp_path / "sample.py").write_text(code("sdk", state, tmp_path), "utf-8")
    assert ".mp4" in run([sys.executable, "-X", "utf8", "sample.py"], tmp_path, simulator)
    check(simulator, state, tmp_path)


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the JavaScript client outside the repository, or skip saying why."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node and npm are not here")
    folder = tmp_path_factory.mktemp("node")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts"]
    command = ["npm", "install", *quiet, "--prefix", str(folder), "wavespeed@0.3.2"]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    if installed.returncode:
        pytest.skip(f"npm could not install the client: {installed.stderr.strip()[-200:]}")
    return folder / "node_modules"


@pytest.mark.parametrize("number", [0, 1])
def test_the_node_sample(
    number: int, simulator: SimulatorProcess, tmp_path: Path, node_modules: Path
) -> None:
    """The official JavaScript client makes the clip."""
    state = states(tmp_path)[number]
    (tmp_path / "sample.js").write_text(code("node", state, tmp_path), "utf-8")
    assert ".mp4" in run(["node", "sample.js"], tmp_path, simulator, NODE_PATH=str(node_modules))
    check(simulator, state, tmp_path)
