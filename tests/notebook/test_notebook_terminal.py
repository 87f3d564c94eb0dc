"""IPython in a terminal, as a process of its own: lines are typed one by one, and nothing draws."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LINES = """%load_ext hailuo_nb
%config HailuoMagics.simulator_speed = 100
%%hailuo t2v-standard --name fox --wait
A fox at dawn


%hailuo show fox
exit()
"""


def test_a_cell_waits_for_its_prompt_and_tells_its_clip_in_a_line(tmp_path: Path) -> None:
    """Enter behind the first line does not end the cell; what it made is said as text."""
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    done = subprocess.run(
        command,
        input=LINES,
        cwd=tmp_path,
        env=os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=90,
    )
    (clip,) = (tmp_path / "hailuo" / "clips").glob("fox-*.mp4")
    assert f"fox · t2v-standard · 6 s · 768p · simulated $0.28 · hailuo/clips/{clip.name}" in done.stdout
    assert "Error" not in done.stdout + done.stderr
