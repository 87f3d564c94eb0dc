"""The benchmarks are a package of their own, beside the one that is tested: after it on the path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
