"""The official clients, unchanged, against the simulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

MODEL = "minimax/hailuo-2.3/t2v-standard"
JS = """
const { Client } = require("wavespeed");
const fs = require("fs");
(async () => {
  const [base, picture] = process.argv.slice(2);
  const client = new Client("any-key", { baseUrl: base });
  const run = await client.run("%s", { prompt: "A sailboat at sunset" }, { pollInterval: 0.05 });
  const sync = await client.run("%s", { prompt: "A sailboat at sunset" }, { enableSyncMode: true });
  const failed = await client.runNoThrow("%s", { prompt: "[simulate: fail 1200]" }, { pollInterval: 0.05 });
  const uploaded = await client.upload(picture);
  const back = Buffer.from(await (await fetch(uploaded)).arrayBuffer());
  const clip = await (await fetch(run.outputs[0])).arrayBuffer();
  console.log(JSON.stringify({
    run: run.outputs, sync: sync.outputs, failed: failed.detail.status, error: String(failed.detail.error),
    same: back.equals(fs.readFileSync(picture)), bytes: clip.byteLength,
  }));
})().catch((error) => { console.error(error); process.exit(1); });
""".replace("%s", MODEL)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Give a picture file."""
    Image.new("RGB", (640, 480), (90, 40, 20)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_python_client(simulator: Any, picture: Path) -> None:
    """Run, sync mode, get_result, upload, and a failure."""
    wavespeed = pytest.importorskip("wavespeed")
    client = wavespeed.Client(api_key="any-key", base_url=simulator.base_url)
    prompt = {"prompt": "A sailboat at sunset"}
    outputs = client.run(MODEL, prompt, poll_interval=0.05)["outputs"]
    assert httpx.get(outputs[0]).headers["content-type"] == "video/mp4"
    prediction_id = outputs[0].split("/")[-2]
    assert client.get_result(prediction_id)["data"]["outputs"] == outputs
    assert client.run(MODEL, prompt, enable_sync_mode=True)["outputs"]
    uploaded = client.upload(str(picture))
    assert httpx.get(uploaded).content == picture.read_bytes()
    with picture.open("rb") as file:
        moved = client.run("minimax/hailuo-2.3/fast", {"image": client.upload(file)}, poll_interval=0.05)
    assert len(moved["outputs"]) == 1
    with pytest.raises(RuntimeError, match="sensitive"):
        client.run(MODEL, {"prompt": "[simulate: fail 1200]"}, poll_interval=0.05)
    assert client.run_no_throw(MODEL, {"prompt": ""})["error"].startswith(
        "Failed to submit prediction: HTTP 400"
    )


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the JavaScript client outside the repository, or skip saying why."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node and npm are not here")
    folder = tmp_path_factory.mktemp("javascript")
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "wavespeed@0.3.2",
    ]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    if installed.returncode:
        pytest.skip(f"npm could not install the client: {installed.stderr.strip()[-200:]}")
    return folder


def test_the_javascript_client(simulator: Any, node_modules: Path, picture: Path) -> None:
    """Run, sync mode, a failure and upload."""
    script = node_modules / "try.js"
    script.write_text(JS, "utf-8")
    ended = subprocess.run(
        ["node", str(script), simulator.base_url, str(picture)],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.environ["PATH"]},
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert len(told["run"]) == len(told["sync"]) == 1
    assert told["bytes"] > 100_000
    assert told["same"] is True
    assert told["failed"] == "failed"
    assert "sensitive" in told["error"]
