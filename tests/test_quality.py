import warnings

import numpy as np
import pytest
import xarray as xr

from seisgeo import quality
from seisgeo.errors import ConventionError


def cube(traces):
    return xr.Dataset({"amplitude": (("shot", "receiver", "time"), np.asarray(traces, float))})


def test_dead_clipped_and_missing_traces_are_told_apart():
    t = np.arange(200) * 0.004
    clean = np.sin(2 * np.pi * 12 * t + 0.3)
    clipped = np.clip(clean, -0.7, 0.7)
    muted = np.where(t < 0.2, 0.0, clean)  # zeros in a row are a mute, not clipping
    traces = [clean, clipped, muted, np.zeros(200), np.full(200, np.nan), -clipped]
    found = quality.trace_quality(cube([traces]))
    assert (found["of"], found["looked_at"]) == (6, 6)
    assert (found["missing"], found["dead"], found["clipped"]) == (1, 1, 2)
    assert len(found["rms"]) == 4
    assert found["rms"][0] == pytest.approx(np.sqrt((clean**2).mean()))


def test_large_cubes_are_sampled_evenly():
    ds = cube(np.random.default_rng(0).normal(size=(50, 40, 30)))
    found = quality.trace_quality(ds, most_traces=100)
    assert found["of"] == 2000
    assert 20 <= found["looked_at"] <= 100


def test_a_cube_without_samples_is_refused():
    with pytest.raises(ConventionError, match=r"expected the variable 'amplitude' or 'velocity'"):
        quality.trace_quality(xr.Dataset({"descriptor_value": ("x", [1.0])}))


@pytest.mark.parametrize(
    "name",
    ["segy/viking_small.segy", "segy/peer/f3.sgy", "velocity/volve10-migvel-depth-sub3d.sgy"],
)
def test_report_on_real_files(name, data_dir, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = quality.write_quality_report(data_dir / name, tmp_path / "qc.html")
    page = out.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 2
    assert "clipped" in page
    assert "http://" not in page
    if "viking" in name:
        assert "600 (binary header) used" in page


def test_command_line_writes_it(data_dir, tmp_path, capsys):
    from seisgeo import cli

    out = tmp_path / "qc.html"
    words = ["info", str(data_dir / "segy" / "real_gather.sgy"), "--html", str(out)]
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 0
    assert out.is_file()
    assert str(out) in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 1
    assert "--overwrite" in capsys.readouterr().err
