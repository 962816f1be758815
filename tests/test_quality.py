import warnings

import numpy as np
import pytest
import xarray as xr
from test_report import Page

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


def test_dead_and_clipped_traces_are_named():
    traces = np.random.default_rng(0).normal(size=(3, 30, 40))
    traces[1, 7] = 0
    traces[2, :15, 10:13] = 9.0
    ds = cube(traces).assign_coords(
        field_record=("shot", [11, 12, 13]), channel=("receiver", np.arange(101, 131))
    )
    found = quality.trace_quality(ds)
    assert found["dead_at"] == ["field record 12, channel 108"]
    assert found["clipped"] == 15
    assert len(found["clipped_at"]) == 10
    assert found["clipped_at"][0] == "field record 13, channel 101"
    # Without labels, by position.
    assert quality.trace_quality(cube(traces))["dead_at"] == ["shot 1, receiver 7"]


def test_large_cubes_are_sampled_evenly():
    ds = cube(np.random.default_rng(0).normal(size=(50, 40, 30)))
    found = quality.trace_quality(ds, most_traces=100)
    assert found["of"] == 2000
    assert found["looked_at"] == 80  # two whole shots
    lazy = ds.chunk({"shot": 5})
    assert quality.trace_quality(lazy, most_traces=100)["looked_at"] == 80


def test_numbers_beyond_reason_are_no_traces():
    traces = np.random.default_rng(0).normal(size=(1, 5, 40))
    traces[0, 1, 3], traces[0, 2, 3], traces[0, 3] = np.inf, 1e300, 1e140
    found = quality.trace_quality(cube(traces))
    assert (found["missing"], found["dead"]) == (2, 1)
    assert np.isfinite(found["rms"]).all()
    quality.amplitude_figure(found).draw_without_rendering()
    quality.amplitude_figure(
        quality.trace_quality(cube(np.zeros((1, 5, 40))))
    ).draw_without_rendering()


def test_a_cube_without_samples_is_refused():
    with pytest.raises(
        ConventionError,
        match=r"expected the variable 'amplitude' or 'velocity' against time or depth",
    ):
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
    assert page.count("data:image/png;base64,") >= (5 if "f3" in name else 4)
    assert "traces were looked at." in page
    assert "Trace headers, as they stand in the file" in page
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


HOSTILE = (
    "</pre></TITLE><script>alert(1)</script><img src=x onerror='alert(2)'>\"' onload=alert(3) "
)


@pytest.mark.parametrize("code", ["cp037", "ascii"])
def test_text_headers_inject_nothing(code, data_dir, tmp_path):
    data = bytearray((data_dir / "segy/peer/small.sgy").read_bytes())
    cards = "".join(f"C{i:2d} {HOSTILE}"[:80].ljust(80) for i in range(1, 40))
    data[:3200] = (cards + "C40 IN DEPTH DOMAIN: <b>").ljust(3200).encode(code)
    path = tmp_path / "<img src=x onerror=alert(4)>'\"&.sgy"
    path.write_bytes(data)
    out = quality.write_quality_report(path, tmp_path / "qc.html")
    page = Page(out.read_text(encoding="utf-8"))
    assert not {"script", "b"} & set(page.tags)
    assert page.tags.count("img") == page.tags.count("figure")
    assert not [name for _, name, _ in page.attrs if name.startswith("on")]
    assert {value[:5] for value in page.values("img", "src")} == {"data:"}
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text  # shown, as what it is
    assert path.name in text


def test_what_cannot_be_drawn_is_said(data_dir, tmp_path):
    data = bytearray((data_dir / "segy/viking_small.segy").read_bytes()[: 3600 + 120 * 2640])
    for i in range(120):
        at = 3600 + i * 2640
        data[at + 72 : at + 88] = bytes(4 * 3) + b"\0\0\0\1"  # every position the same
        data[at + 76 : at + 80] = b"\0\0\0\1"
    path = tmp_path / "one-place.sgy"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = quality.write_quality_report(path, tmp_path / "qc.html")
    page = out.read_text(encoding="utf-8")
    assert "No fold: survey map: all sources and receivers are at one place" in page
    assert page.count("data:image/png;base64,") == 3
