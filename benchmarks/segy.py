"""Reading SEG-Y: CPU time of seisgeo against segyio with its memory map, on the same files.

    python benchmarks/segy.py [--small] [--peers] [--folder DIR] [--rounds 3]

Two surveys are generated, each with IBM and with IEEE floats: a post-stack cube of 300 x 400 traces
of 1000 samples, and 200 shots of 480 channels of 1500 samples (2.1 GB in all; --small makes a
tenth). segyio is installed into an environment of its own under DIR; --peers adds segysak there.
Every library reads in a process of its own, in turns; figures are medians of process CPU seconds,
with the files in the page cache. The machine may be shared: only ratios mean something.
The table is printed, and kept with date and hardware as benchmarks/results/segy-<cpu>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from machine import RESULTS, kept_as

FORMATS = {"IBM": 1, "IEEE": 5}
N_RANDOM = 1000
# Bytes of the six header fields (from 1), and their names here.
FIELDS = {
    "field_record": 9,
    "trace_number": 13,
    "source_x": 73,
    "source_y": 77,
    "group_x": 81,
    "group_y": 85,
}
# Least time spent on a task in one round (s), and least and most repetitions.
SPENT, FEWEST, MOST = 0.4, 3, 200

#: Task -> (which reading of ours the goal is about, how many times faster than segyio).
GOALS = {
    "whole cube": ("xarray", {"IBM": 3.0, "IEEE": 1.5}),
    "inline or gather": ("xarray", 2.5),
    "crossline or channel": ("xarray", 2.0),
    "1000 random traces": ("raw", 10.0),
    "time slice": ("xarray", 1.0),
    "six header fields": ("raw", 1.0),
    "six header fields, cold": ("raw", 5.0),
    "six header fields, cold, waiting too": ("raw", 0.0),  # told, but up to the disk
}


# -------------------------------------------------------------------------------- the files


def surveys(small: bool) -> dict[str, tuple[int, int, int]]:
    """Survey -> (inlines or shots, traces in each, samples)."""
    if small:
        return {"stack": (30, 400, 1000), "shots": (20, 480, 1500)}
    return {"stack": (300, 400, 1000), "shots": (200, 480, 1500)}


def header_type(survey: str, samples: int) -> np.dtype:
    fields = {
        "sequence": (1, ">i4"),
        **{name: (byte, ">i4") for name, byte in FIELDS.items()},
        "cdp": (21, ">i4"),
        "identification": (29, ">i2"),
        "scalar": (71, ">i2"),
        "samples": (115, ">i2"),
        "interval": (117, ">i2"),
    }
    if survey == "stack":
        fields |= {
            name: (byte, ">i4")
            for name, byte in {"x": 181, "y": 185, "inline": 189, "crossline": 193}.items()
        }
    names = [*fields, "words"]
    return np.dtype(
        {
            "names": names,
            "formats": [fields[n][1] for n in names[:-1]] + [(">u4", (samples,))],
            "offsets": [fields[n][0] - 1 for n in names[:-1]] + [240],
            "itemsize": 240 + 4 * samples,
        }
    )


def write_survey(path: Path, survey: str, shape: tuple[int, int, int], code: int) -> None:
    """A survey of band-limited noise, with the headers that geometry is found from."""
    from seisgeo.adapters.segy.samples import FORMATS, encode

    n_lines, n_traces, n_samples = shape
    text = "".join(f"C{i:2d} seisgeo benchmark: {survey}".ljust(80) for i in range(1, 41))
    binary = np.zeros(400, np.uint8)
    # Interval, samples, format, metres, revision 1, traces of one length.
    fields = {3217: 2000, 3221: n_samples, 3225: code, 3255: 1, 3501: 0x0100, 3503: 1}
    for byte, value in fields.items():
        binary[byte - 3201 : byte - 3199].view(">i2")[:] = value

    noise = np.random.default_rng(7).normal(size=(n_traces, n_samples + 2)).cumsum(axis=1)
    values = (np.diff(noise, 2, axis=1) * 1000).astype(np.float32)
    words = encode(values, FORMATS[code]).view(">u4")
    traces = np.zeros(n_traces, header_type(survey, n_samples))
    within = np.arange(n_traces)
    traces["identification"], traces["scalar"] = 1, 1
    traces["samples"], traces["interval"] = n_samples, 2000
    traces["trace_number"] = within + 1
    partial = path.with_suffix(".part")
    with partial.open("wb") as out:
        out.write(text.encode("cp037"))
        out.write(binary.tobytes())
        for line in range(n_lines):
            traces["words"] = np.roll(words, line, axis=1)
            traces["sequence"] = line * n_traces + within + 1
            traces["field_record"] = line + 1
            if survey == "stack":
                traces["inline"], traces["crossline"] = line + 100, within + 500
                traces["cdp"] = traces["sequence"]
                traces["x"], traces["y"] = 400_000 + 25 * within, 6_000_000 + 25 * line
                traces["source_x"], traces["source_y"] = traces["x"], traces["y"]
            else:
                traces["source_x"], traces["source_y"] = 400_000 + 50 * line, 6_000_000
                traces["group_x"] = 400_000 + 50 * line + 100 + 12 * within
                traces["group_y"] = 6_000_000
            out.write(traces.tobytes())
    partial.replace(path)


# -------------------------------------------------------------------------------- the timing


def timed(task: Callable[[], object]) -> list[float]:
    """CPU seconds of repetitions, after one that is not counted."""
    task()
    taken: list[float] = []
    while len(taken) < FEWEST or (sum(taken) < SPENT and len(taken) < MOST):
        start = time.process_time()
        task()
        taken.append(time.process_time() - start)
    return taken


def forget(path: Path) -> None:
    """Drop a file from the page cache, where the system lets us and nobody maps it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def choices(shape: tuple[int, int, int]) -> dict[str, Iterator[int] | np.ndarray]:
    """What is read: another line, trace and sample each time, the same for every library."""
    rng = np.random.default_rng(11)
    n_lines, n_traces, n_samples = shape
    return {
        "line": iter(rng.integers(n_lines, size=100_000).tolist()),
        "across": iter(rng.integers(n_traces, size=100_000).tolist()),
        "sample": iter(rng.integers(n_samples, size=100_000).tolist()),
        "random": rng.choice(n_lines * n_traces, N_RANDOM),
    }


def time_ours(path: Path, survey: str, shape: tuple[int, int, int]) -> dict[str, list[float]]:
    import xarray as xr

    from seisgeo.adapters.segy import SegyFile, samples

    n_lines, n_traces, _ = shape
    pick = choices(shape)
    file = SegyFile(path)
    ds = xr.open_dataset(path, cache=False)
    cube = ds.amplitude
    assert cube.shape == shape, (cube.dims, cube.shape)
    assert samples._loaded() is not None, "the kernels need numba"
    samples._read_so_far = samples._PATIENCE + 1  # as in any process that reads more than a little

    def lines(i: int) -> slice:
        return slice(i * n_traces, (i + 1) * n_traces)

    random = pick["random"]
    at = {
        d: xr.DataArray(k, dims="trace")
        for d, k in zip(cube.dims, np.unravel_index(random, shape[:2]), strict=False)
    }
    across = np.arange(n_lines) * n_traces
    tasks: dict[str, Callable[[], object]] = {
        "open raw": lambda: SegyFile(path),
        "open xarray": lambda: xr.open_dataset(path, cache=False),
        "whole cube raw": lambda: file.read(slice(None)),
        "whole cube xarray": lambda: cube.values,
        "memory copy": lambda: file._reader._raw.view(np.uint32).copy(),
        "inline or gather raw": lambda: file.read(lines(next(pick["line"]))),
        "inline or gather xarray": lambda: cube[next(pick["line"])].values,
        "crossline or channel raw": lambda: file.read(across + next(pick["across"])),
        "crossline or channel xarray": lambda: cube[:, next(pick["across"])].values,
        "time slice raw": lambda: file.read(slice(None), next(pick["sample"])),
        "time slice xarray": lambda: cube[:, :, next(pick["sample"])].values,
        "1000 random traces raw": lambda: file.read(random),
        "1000 random traces xarray": lambda: cube.isel(at).values,
        "six header fields raw": lambda: [file.field(name) for name in FIELDS],
    }
    return {name: timed(task) for name, task in tasks.items()}


def time_ours_cold(path: Path, *_: object) -> dict[str, list[float]]:
    from seisgeo.adapters.segy import SegyFile

    file = SegyFile(path)
    return cold(path, lambda: [file.field(name) for name in FIELDS])


def time_segyio_cold(path: Path, *_: object) -> dict[str, list[float]]:
    import segyio

    with segyio.open(path, ignore_geometry=True) as file:
        return cold(path, lambda: [file.attributes(byte)[:] for byte in FIELDS.values()])


def cold(path: Path, task: Callable[[], object]) -> dict[str, list[float]]:
    """CPU seconds and waiting with the file out of the page cache."""
    forget(path)
    start, cpu = time.perf_counter(), time.process_time()
    task()
    name = "six header fields, cold"
    return {
        name: [time.process_time() - cpu],
        f"{name}, waiting too": [time.perf_counter() - start],
    }


def time_segyio(path: Path, survey: str, shape: tuple[int, int, int]) -> dict[str, list[float]]:
    import segyio

    _, n_traces, _ = shape
    pick = choices(shape)
    stack = survey == "stack"
    how = {} if stack else {"ignore_geometry": True}
    tasks: dict[str, Callable[[], object]] = {}
    with segyio.open(path, **how) as file:
        assert file.mmap()
        raw = file.trace.raw
        tasks["open"] = lambda: segyio.open(path, **how).close()
        tasks["whole cube"] = lambda: raw[:]
        if stack:
            tasks["inline or gather"] = lambda: file.iline[file.ilines[next(pick["line"])]]
            tasks["crossline or channel"] = lambda: file.xline[file.xlines[next(pick["across"])]]
        else:
            tasks["inline or gather"] = lambda: (lambda i: raw[i * n_traces : (i + 1) * n_traces])(
                next(pick["line"])
            )
            tasks["crossline or channel"] = lambda: raw[next(pick["across"]) :: n_traces]
        tasks["time slice"] = lambda: file.depth_slice[next(pick["sample"])]
        tasks["1000 random traces"] = lambda: np.stack([raw[int(i)] for i in pick["random"]])
        tasks["six header fields"] = lambda: [file.attributes(b)[:] for b in FIELDS.values()]
        return {name: timed(task) for name, task in tasks.items()}


def time_segysak(path: Path, survey: str, shape: tuple[int, int, int]) -> dict[str, list[float]]:
    import segysak  # noqa: F401  (registers its engine)
    import xarray as xr

    pick = choices(shape)
    fields = {"iline": 189, "xline": 193} if survey == "stack" else {"fldr": 9, "tracf": 13}

    def opened() -> xr.Dataset:
        return xr.open_dataset(path, engine="sgy_engine", dim_byte_fields=fields, cache=False)

    cube = opened().data
    at = {
        d: xr.DataArray(k, dims="trace")
        for d, k in zip(cube.dims, np.unravel_index(pick["random"], shape[:2]), strict=False)
    }
    tasks: dict[str, Callable[[], object]] = {
        "open": opened,
        "whole cube": lambda: cube.values,
        "inline or gather": lambda: cube[next(pick["line"])].values,
        "crossline or channel": lambda: cube[:, next(pick["across"])].values,
        "1000 random traces": lambda: cube.isel(at).values,
    }
    return {name: timed(task) for name, task in tasks.items()}


READERS = {
    "ours": time_ours,
    "segyio": time_segyio,
    "segysak": time_segysak,
    "ours, cold": time_ours_cold,
    "segyio, cold": time_segyio_cold,
}


# -------------------------------------------------------------------------------- the run


def peers_python(folder: Path, segysak: bool) -> Path:
    """Python of the peers' own environment, made when it is not there."""
    home = folder / "peers"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    wanted = ["segyio>=1.9.14,<2", *(["segysak"] if segysak else [])]
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    subprocess.run(command, check=True)
    return python


def in_its_own_process(python: Path | str, reader: str, *what: object) -> dict[str, list[float]]:
    command = [str(python), __file__, "--reader", reader, "--file", json.dumps(what, default=str)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{reader} on {what[0]} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def summary(ms: dict[str, dict[str, float]], format_name: str) -> list[dict[str, object]]:
    """A row for each task, from medians (ms) by reader and task."""
    rows = []
    for task in ["open", *GOALS]:
        theirs = ms["segyio"].get(task)
        row: dict[str, object] = {"task": task, "segyio": theirs}
        row["raw"] = ms["ours"].get(f"{task} raw", ms["ours"].get(task))
        if theirs is None and row["raw"] is None:
            continue  # not asked for
        row["xarray"] = ms["ours"].get(f"{task} xarray")
        if task in GOALS:
            which, goal = GOALS[task]
            goal = goal[format_name] if isinstance(goal, dict) else goal
            if theirs is not None and row[which] is not None:
                row |= {"ratio": theirs / row[which], "goal": goal, "of": which}
        if "segysak" in ms and task in ms["segysak"] and row["xarray"]:
            row["segysak"] = ms["segysak"][task]
            row["ratio_segysak"] = ms["segysak"][task] / row["xarray"]
        rows.append(row)
    copy = ms["ours"]["memory copy"]
    limit = {"IBM": 2.0, "IEEE": 1.3}[format_name]
    rows.append(
        {
            "task": "whole cube against a memory copy (least is best)",
            "raw": ms["ours"]["whole cube raw"],
            "xarray": ms["ours"]["whole cube xarray"],
            "copy": copy,
            "ratio": ms["ours"]["whole cube xarray"] / copy,
            "at_most": limit,
        }
    )
    return rows


def show(title: str, rows: list[dict[str, object]]) -> None:
    def number(value: object, form: str = "{:10.2f}") -> str:
        return form.format(value) if value is not None else " " * 9 + "-"

    print(f"\n{title}, ms of CPU")
    print(f"{'task':38}{'raw':>10}{'xarray':>10}{'segyio':>10}{'ratio':>10}{'goal':>10}")
    for row in rows:
        if "copy" in row:
            cells = [row["raw"], row["xarray"], row["copy"], row["ratio"]]
            at_most = f"{'<= ' + str(row['at_most']):>10}"
            at_most += "" if row["ratio"] <= row["at_most"] else "   MISSED"
            print(f"{'  same / memory copy':38}{''.join(map(number, cells))}{at_most}")
            continue
        cells = [row.get(k) for k in ("raw", "xarray", "segyio", "ratio", "goal")]
        more = f"   segysak {row['segysak']:.1f}" if "segysak" in row else ""
        missed = "" if row.get("ratio", 1e9) >= row.get("goal", 0) else "   MISSED"
        print(f"{row['task']:38}{''.join(map(number, cells))}{missed}{more}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="files of a tenth of the size")
    parser.add_argument("--peers", action="store_true", help="segysak too")
    parser.add_argument("--cold", action="store_true", help="header fields from the disk as well")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where files and peers are kept")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        path, survey, shape = json.loads(options.file)
        print(json.dumps(READERS[options.reader](Path(path), survey, tuple(shape))))
        return

    folder = options.folder or Path(tempfile.gettempdir()) / "seisgeo-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    python = peers_python(folder, options.peers)
    peers = ["segyio", *(["segysak"] if options.peers else [])]
    tables = {}
    for survey, shape in surveys(options.small).items():
        for name, code in FORMATS.items():
            path = folder / f"{survey}-{name.lower()}-{'x'.join(map(str, shape))}.sgy"
            if not path.exists():
                write_survey(path, survey, shape, code)
            np.fromfile(path, np.uint8)  # into the page cache
            taken: dict[str, dict[str, list[float]]] = {}
            for _ in range(options.rounds):
                for reader in ["ours", *peers, *(["ours, cold", "segyio, cold"] * options.cold)]:
                    own = sys.executable if reader.startswith("ours") else python
                    tasks = taken.setdefault(reader.removesuffix(", cold"), {})
                    for task, seconds in in_its_own_process(
                        own, reader, path, survey, shape
                    ).items():
                        tasks.setdefault(task, []).extend(seconds)
            ms = {
                reader: {task: 1e3 * statistics.median(s) for task, s in tasks.items()}
                for reader, tasks in taken.items()
            }
            title = f"{survey} {' x '.join(map(str, shape))}, {name}"
            tables[title] = summary(ms, name)
            show(title, tables[title])

    from seisgeo.devices import processor

    RESULTS.mkdir(exist_ok=True)
    cpu = processor()
    size = "-small" if options.small else ""
    out = RESULTS / f"segy-{kept_as(cpu)}{size}.json"
    report = {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "unit": "ms of CPU, medians; the ratios are what may be quoted",
        "tables": tables,
    }
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    print(f"\nkept as {out}")


if __name__ == "__main__":
    main()
