"""Pictures and the report of files of 10 GB: memory stays that of what is shown."""

import subprocess
import sys

import numpy as np
import pytest

from seisgeo.adapters.segy.fields import BINARY_FIELDS, TRACE_FIELDS, header_dtype

pytestmark = pytest.mark.slow

SAMPLES, TRACES = 25_000, (400, 250)
# Beyond what the libraries take; the bound of converting a file of any size.
MOST_MB = 300

LOOK = """
import sys, threading, time, warnings
warnings.simplefilter("ignore")
import matplotlib; matplotlib.use("agg")
import dask.array, matplotlib.figure, scipy.ndimage, colorcet, xarray as xr, seisgeo.quality
from seisgeo import plotting
def resident():  # pages of the file are the system's to drop: they do not count
    words = open("/proc/self/status").read().split()
    return int(words[words.index("RssAnon:") + 1]) // 1024
before = peak = resident()
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
path, *kinds = sys.argv[1:]
for chunks in (None, {}):
    with xr.open_dataset(path, chunks=chunks) as ds:
        for kind in kinds:
            plotting.plot(ds, kind=kind).figure.canvas.draw()
seisgeo.quality.write_quality_report(path, path + ".html")
print(peak - before)
"""


def _large(path, kind):
    """A sparse file: headers, and here and there an impulse."""
    n, per = TRACES
    length = 240 + 4 * SAMPLES
    binary = np.zeros((), header_dtype(BINARY_FIELDS, order=">", itemsize=400, first=3201))
    binary["samples"], binary["interval"], binary["format"] = SAMPLES, 1000, 5
    binary["segy_revision"], binary["measurement_system"] = 1, 1
    header = np.zeros((), header_dtype(TRACE_FIELDS, order=">", itemsize=240))
    header["trace_sample_count"], header["trace_sample_interval"] = SAMPLES, 1000
    header["trace_identification_code"] = header["coordinate_units"] = 1
    with path.open("wb") as stream:
        stream.write(b"\x40" * 3200 + binary.tobytes())
        for i in range(n * per):
            a, b = divmod(i, per)
            if kind == "stack":
                header["inline_3d"], header["crossline_3d"] = 1 + a, 1 + b
                header["cdp_x"], header["cdp_y"] = 5000 + 25 * b, 7000 + 25 * a
            else:
                header["field_record"], header["trace_number"] = 1 + a, 1 + b
                header["source_x"], header["group_x"] = 50 * a, 50 * a + 100 + 25 * b
                header["source_y"] = header["group_y"] = 500 * (a // 100)
                header["offset"] = 100 + 25 * b
            stream.seek(3600 + i * length)
            stream.write(header.tobytes())
            stream.seek(4000, 1)
            stream.write(np.array([1, -2, 1], ">f4").tobytes())
        stream.truncate(3600 + n * per * length)


@pytest.mark.parametrize(
    ("kind", "pictures"),
    [
        ("stack", ["section", "slice", "map", "spectrum"]),
        ("shots", ["gather", "map", "fold", "spectrum"]),
    ],
)
def test_memory_is_that_of_the_picture(kind, pictures, tmp_path):
    path = tmp_path / f"{kind}.sgy"
    _large(path, kind)
    assert path.stat().st_size > 10e9
    command = [sys.executable, "-c", LOOK, str(path), *pictures]
    run = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < MOST_MB
    page = (tmp_path / f"{kind}.sgy.html").read_text(encoding="utf-8")
    assert "of 100,000 traces were looked at, spread evenly" in page
