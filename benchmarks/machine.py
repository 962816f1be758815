"""Where the benchmarks' results are kept and under which name, and where real files are."""

from __future__ import annotations

import os
import re
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
#: Folder of real files, as the tests find it.
DATA = Path(os.environ.get("SEISGEO_TEST_DATA", RESULTS.parents[1] / ".." / "shared" / "data"))


def kept_as(machine: str) -> str:
    """A machine's name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
