"""Where the benchmarks' results are kept, and under which name."""

from __future__ import annotations

import re
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def kept_as(machine: str) -> str:
    """A machine's name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
