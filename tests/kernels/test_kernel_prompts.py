"""Real prompts that nobody wrote for this project, through the magic in a real kernel."""

from __future__ import annotations

import json
import random
from pathlib import Path

from headless import execute, outputs
from PIL import Image, ImageDraw

from hailuo_nb.catalog.variants import find
from hailuo_nb.media.clip import probe

VARIANTS = ("t2v-standard", "t2v-pro", "i2v-standard", "i2v-pro", "fast", "fast-pro")
EACH = 4


def test_24_real_prompts_become_24_clips(tmp_path: Path, shared: Path) -> None:
    """Four prompts for each variant, a drawn picture where one is needed: every clip has its size, length and words."""
    prompts = (shared / "prompts" / "vbench.txt").read_text("utf-8").splitlines()
    chosen = random.Random(23).sample(prompts, len(VARIANTS) * EACH)
    _draw(tmp_path / "picture.png")
    cells = ["%load_ext hailuo_nb\n%config HailuoMagics.simulator_speed = 60"]
    for number, variant in enumerate(VARIANTS):
        image = "--image picture.png " if find(variant).needs_image else ""
        text = "\n---\n".join(chosen[number * EACH : (number + 1) * EACH])
        cells.append(f"%%hailuo batch{number} << {variant} {image}--no-wait\n{text}")
    cells.append("\n".join(f"batch{number}.wait()" for number in range(len(VARIANTS))))
    cells.append(
        "table = %hailuo history\nprint(table[['prompt', 'variant', 'status', 'path']].to_json(orient='records'))"
    )
    notebook = execute(tmp_path, cells, timeout=240)
    rows = json.loads(outputs(notebook, -1)[0].text)
    assert sorted(row["prompt"] for row in rows) == sorted(chosen)
    assert {row["status"] for row in rows} == {"completed"}
    assert len({row["path"] for row in rows}) == len(chosen)
    for row in rows:
        facts = probe(tmp_path / row["path"])
        assert (facts.width, facts.height) == find(row["variant"]).size
        assert facts.duration_s == 6.0


def _draw(path: Path) -> None:
    """Draw a picture that the service would take."""
    picture = Image.new("RGB", (1280, 720), (40, 60, 90))
    ImageDraw.Draw(picture).ellipse((400, 160, 880, 640), fill=(220, 180, 60))
    picture.save(path)
