"""What the benchmarks' modules are tested with."""

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FEW = ("flatvel-a", "curvefault-b", "style-b")


@pytest.fixture(scope="module", autouse=True)
def benchmarks():
    """Make the benchmark's modules importable, as they are for each other."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def models():
    """Two models of each of some families, as generate() would have drawn them for the test."""
    from seisgeo.synth import Survey, draw_velocity

    parts = [
        draw_velocity(family, 2, seed=2)[["velocity"]].assign_coords(
            family=("sample", np.array([family] * 2, dtype=object))
        )
        for family in FEW
    ]
    return xr.concat(parts, "sample").assign_attrs(survey=Survey.openfwi().to_json())
