"""The SeisBind benchmark asks what it says, and its command runs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def data():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import seisbind_data

        yield seisbind_data
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def models():
    """Two models of each family, as generate() would have drawn them for the test seed."""
    from seisgeo.synth import Survey, draw_velocity

    parts = [
        draw_velocity(family, 2, seed=2)[["velocity"]].assign_coords(
            family=("sample", [family] * 2)
        )
        for family in ("flatvel-a", "curvefault-b", "style-b")
    ]
    return xr.concat(parts, "sample").assign_attrs(survey=Survey.openfwi().to_json())


def test_twins_differ_by_little_and_always(data, models):
    twins = data.near_twins(models)
    v = twins["velocity"].values
    n = models.sizes["sample"]
    assert len(v) == n * (1 + data.TWINS)
    np.testing.assert_array_equal(v[:n], models["velocity"].values)
    own = v[:n].repeat(data.TWINS, axis=0)
    changed = (v[n:] != own).mean(axis=(1, 2))
    assert (changed > 0).all()
    assert np.median(changed) < 0.5
    difference = np.abs(v[n:] - own).mean(axis=(1, 2))
    others = np.abs(v[0] - v[2]).mean()
    assert np.median(difference) < 0.2 * others
    np.testing.assert_array_equal(v, data.near_twins(models)["velocity"].values)


def test_galleries_begin_with_the_queries_and_repeat_nothing(data, models, monkeypatch):
    monkeypatch.setattr(data, "FAMILIES", ("flatvel-a", "curvefault-b", "style-b"))
    gallery = data.more_models(models, data.Size(0, 2, 5))
    assert gallery.sizes["sample"] == 15
    v = gallery["velocity"].values
    np.testing.assert_array_equal(v[:6], models["velocity"].values)
    assert len({one.tobytes() for one in v}) == 15
    assert gallery["family"].values[6:9].tolist() == ["flatvel-a"] * 3
    assert "descriptor_value" in gallery


def test_ranks_by_distance_against_a_full_sort(data):
    import seisbind_baselines

    rng = np.random.default_rng(0)
    guess, gallery = rng.normal(size=(20, 6)), rng.normal(size=(50, 6))
    distance = np.linalg.norm(guess[:, None] - gallery, axis=2)
    expected = [(d <= d[i]).sum() for i, d in enumerate(distance)]
    assert seisbind_baselines.ranks_by_distance(guess, gallery).tolist() == expected


@pytest.mark.slow
def test_the_command_makes_every_table(tmp_path):
    out = tmp_path / "out.json"
    command = [sys.executable, BENCHMARKS / "seisbind.py", "--size", "tiny", "--minutes", "0.05"]
    subprocess.run([*command, "--device", "cpu", "--out", out], check=True, timeout=550)
    report = json.loads(out.read_text())
    rows = {name: row for table in report["tables"].values() for name, row in table.items()}
    wanted = {"mixed 1 000", "mixed 10 000", "near-twins", "wavelet of 8 Hz", "paper's encoders"}
    assert wanted | {"nearest raw gather", "style-b left out", "physics -> velocity"} <= set(rows)
    for row in rows.values():
        low, high = row["recall_1_interval"]
        assert 0 <= low <= row["recall_1"] <= high <= 1
    assert rows["near-twins"]["gallery"] == 40 * 10
