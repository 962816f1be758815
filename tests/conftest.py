import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real files; tests that need it skip, and say so, where it is not there."""
    root = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get("SEISGEO_TEST_DATA", root / ".." / "shared" / "data")).resolve()
    if not path.is_dir():
        pytest.skip(f"no real files at {path}: set SEISGEO_TEST_DATA to their folder")
    return path
