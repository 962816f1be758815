"""Broken files by the thousand: each opens as what it is, or one error says why it does not.

The tests run a bounded number of cases. A long run is a command, which prints and keeps whatever
fails, and goes on::

    python tests/adapters/fuzz_run.py --minutes 60
    python tests/adapters/fuzz_run.py --case made-5-rev1-big-stack.sgy:117   # one again, in full

Cases run in a process of their own, in little memory and under an alarm, so that a crash, a hang
and an allocation beyond reason are failures like any other.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from fuzz_inputs import case_bytes, cases, starting_files

from seisgeo.adapters.segy.text import swap_pairs
from seisgeo.errors import DataWarning, HeaderWarning, SeisgeoError

#: Suffixes and the engines that open them.
ENGINES = {".sgy": "seisgeo-segy", ".su": "seisgeo-su", ".dat": "seisgeo-seg2"}
#: Memory that a case may take beyond what the libraries do (bytes), and seconds of computing, so
#: that a busy machine is no failure. The largest file has 1.2 MB.
MEMORY, SECONDS = 256 << 20, 20
# Cells of a cube for each trace, beyond which a table is no longer that of a file.
_MOST_CELLS = 64
# One report in so many cases: pictures take a second.
_REPORT_EVERY = 100


class TookTooLongError(BaseException):
    """The alarm; no `except Exception` on the way catches it."""


def check(path: Path, *, report: bool = False) -> str:
    """Open, read and describe a file; raise whatever is not as it should be.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    report : bool, default False
        Also write its quality report.

    Returns
    -------
    str
        "opened", "warned" or "refused".
    """
    engine = ENGINES[path.suffix]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            ds = xr.open_dataset(path, engine=engine)
        except SeisgeoError as error:
            refusal = str(error)
        else:
            refusal = ""
            _check_cube(path, ds)
            _check_summary(path, engine)
    if refusal:
        assert path.name in refusal, f"the error does not name the file: {refusal}"
        _check_refused_alike(path, engine)
        return "refused"
    for warning in caught:
        assert issubclass(warning.category, HeaderWarning | DataWarning), repr(warning.message)
    warned = any(path.name in str(w.message) for w in caught)
    if engine != "seisgeo-seg2":
        _check_whole(path, ds, warned)
    if report:
        _check_report(path, engine)
    return "warned" if warned else "opened"


def _check_refused_alike(path: Path, engine: str) -> None:
    from seisgeo.summary import summarise

    try:
        summarise(path, engine=engine)
    except SeisgeoError:
        return
    raise AssertionError("seisgeo info describes a file that cannot be opened")


def _check_cube(path: Path, ds: xr.Dataset) -> None:
    """A cube whose sizes the file can hold, whose axes are axes, and whose reading works."""
    name = next(iter(ds.data_vars))
    da = ds[name]
    axis = next(d for d in ("time", "depth") if d in da.dims)
    steps = np.diff(ds[axis].values)
    assert np.isfinite(ds[axis].values).all(), f"{axis} is not finite"
    assert (steps > 0).all(), f"{axis} does not increase"
    if "segy_cube" in ds.encoding:
        file = ds.encoding["segy_cube"].file
        assert da.size <= _MOST_CELLS * file.n_traces * file.n_samples, f"{da.sizes}: too large"
    loaded = ds.load()  # coordinates and samples
    assert loaded[name].shape == da.shape
    for label, coord in loaded.coords.items():
        if coord.dtype.kind == "f":
            assert not np.isinf(coord.values).any(), f"{label} is infinite"


def _check_whole(path: Path, ds: xr.Dataset, warned: bool) -> None:
    """Every byte is accounted for, and samples are those of the file where it says they are."""
    cube = ds.encoding["segy_cube"]
    file, lookup = cube.file, cube.geometry.lookup
    data = path.read_bytes()
    used = file.data_start + file.n_traces * file.trace_bytes
    assert used <= len(data), f"{used} bytes used of {len(data)}"
    if not warned:
        left = len(data) - used
        assert left % 3200 == 0, f"{left} bytes after the last trace, and no warning"
        assert left == 0 or file.revision >= (2, 0), f"{left} bytes left, and no warning"
    if data[3296:3300] == b"\x02\x01\x04\x03":
        data = data[:3200] + swap_pairs(data[3200:])
    values = ds[cube.content.quantity]
    if cube.along is not None:
        values = values.transpose(..., "depth")
    rows = np.asarray(values.values).reshape(-1, file.n_samples)
    live = np.flatnonzero(lookup.ravel() >= 0)
    for cell in {int(live[0]), int(live[len(live) // 2]), int(live[-1])}:
        at = file.data_start + int(lookup.ravel()[cell]) * file.trace_bytes + file.header_bytes
        raw = data[at : at + file.n_samples * file.format.itemsize]
        expected = decoded(raw, file.format.code, file.order) * cube.content.scale
        with np.errstate(over="ignore", invalid="ignore"):
            kept = expected.astype(file.format.decoded)
        np.testing.assert_allclose(rows[cell], kept, rtol=1e-6, err_msg=f"cell {cell}")


def decoded(raw: bytes, code: int, order: str) -> np.ndarray:
    """Samples by the definition of their format, in float64."""
    sizes = {3: 2, 11: 2, 8: 1, 16: 1, 7: 3, 15: 3, 6: 8, 9: 8, 12: 8}
    size = sizes.get(code, 4)
    words = np.frombuffer(raw, np.uint8).reshape(-1, size)
    words = words if order == ">" else words[:, ::-1]
    if code in (5, 6):
        return np.ascontiguousarray(words).view(f">f{size}")[:, 0].astype(np.float64)
    number = np.zeros(len(words), np.uint64)
    for column in words.T:
        number = (number << np.uint64(8)) | column.astype(np.uint64)
    if code in (10, 11, 12, 15, 16):
        return number.astype(np.float64)
    if code == 1:
        power = 4.0 * ((number >> np.uint64(24) & np.uint64(0x7F)).astype(int) - 64)
        sign = 1 - 2.0 * (number >> np.uint64(31)).astype(int)
        return sign * (number & np.uint64(0xFFFFFF)).astype(float) * 2.0 ** (power - 24)
    if code == 4:
        gain = (number >> np.uint64(16) & np.uint64(0xFF)).astype(int)
        return (number & np.uint64(0xFFFF)).astype(np.uint16).view(np.int16) * 2.0**gain
    whole = number.astype(np.int64)
    return (whole - (whole >> (8 * size - 1) << 8 * size) if size < 8 else whole).astype(float)


def _check_summary(path: Path, engine: str) -> None:
    from seisgeo.summary import summarise
    from seisgeo.summary_text import summary_text

    summary = summarise(path, engine=engine)
    json.dumps(summary, allow_nan=False)
    assert str(path) in summary_text(summary, headers=True)


def _check_report(path: Path, engine: str) -> None:
    from seisgeo.quality import write_quality_report

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = write_quality_report(path, path.with_suffix(".html"), engine=engine)
    page = out.read_text(encoding="utf-8")
    out.unlink()
    assert "<script" not in page.lower()


# ------------------------------------------------------------------------------------- running


def run_cases(suffix: str, first: int, last: int, *, until: float = float("inf")) -> list[dict]:
    """Run cases of all files of a kind in processes of their own.

    Parameters
    ----------
    suffix : {".sgy", ".su", ".dat"}
        Kind of the files.
    first, last : int
        Numbers of the cases of each file: `first` to `last` - 1.
    until : float, optional
        When to stop (seconds since the epoch).

    Returns
    -------
    list of dict
        The failures: ``case``, ``why``. The last one counts what the others were.
    """
    found: list[dict] = []
    counts: dict[str, int] = {}
    skip = 0
    while skip is not None:
        command = [sys.executable, __file__, "--worker", suffix, str(first), str(last), str(skip)]
        done, skip = skip, None
        seconds = min(until - time.time(), 1e6)
        if seconds <= 0:
            break
        with subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, text=True) as run:
            case = ""
            assert run.stdout is not None
            for line in run.stdout:
                message = json.loads(line)
                case = message["case"]
                done += "result" in message
                if "result" in message:
                    counts[message["result"]] = counts.get(message["result"], 0) + 1
                if message.get("why"):
                    found.append(message)
        if run.returncode:
            found.append({"case": case, "why": f"the process ended with {run.returncode}"})
            counts["crashed"] = counts.get("crashed", 0) + 1
            skip = done + 1
    return [*found, counts]


def _work(suffix: str, first: int, last: int, skip: int, seconds: float) -> None:
    """Worker: say each case before it runs, and its result after."""
    import matplotlib

    matplotlib.use("agg")
    files = starting_files(suffix)
    stop = time.time() + seconds
    signal.signal(signal.SIGPROF, _ring)
    with tempfile.TemporaryDirectory(prefix="seisgeo-fuzz-") as folder:
        check_one(suffix, files, next(iter(files)), 0, Path(folder), report=True)  # libraries load
        limit = _address_space() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        for i, (name, number) in enumerate(cases(files, first, last)):
            if i < skip:
                continue
            if time.time() > stop:
                return
            case = f"{name}:{number}"
            print(json.dumps({"case": case}), flush=True)
            report = i % _REPORT_EVERY == _REPORT_EVERY - 1
            result, why = check_one(suffix, files, name, number, Path(folder), report=report)
            print(json.dumps({"case": case, "result": result, "why": why}), flush=True)


def check_one(
    suffix: str, files: dict[str, bytes], name: str, number: int, folder: Path, *, report: bool
) -> tuple[str, str]:
    """Check one case; what it was, and why it failed."""
    path = folder / f"{Path(name).stem}-{number}{suffix}"
    path.write_bytes(case_bytes(files, name, number))
    faulthandler.dump_traceback_later(15 * SECONDS, exit=True)  # where no signal gets through
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return check(path, report=report), ""
    except (Exception, TookTooLongError) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return "failed", "".join(traceback.format_exception(error, limit=-6))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
        path.unlink(missing_ok=True)


def _ring(*_: object) -> None:
    raise TookTooLongError(f"took more than {SECONDS} s")


def _address_space() -> int:
    with contextlib.suppress(OSError):
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * resource.getpagesize()
    return 8 << 30  # no /proc: the bound is a wide one


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="failing files")
    parser.add_argument("--first", type=int, default=1, help="number of the first case")
    parser.add_argument("--case", help="NAME:NUMBER, one case again")
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        suffix, *numbers, seconds = given.worker
        _work(suffix, *map(int, numbers), float(seconds))
        return
    if given.case:
        name, _, number = given.case.rpartition(":")
        data = case_bytes(starting_files(Path(name).suffix), name, int(number))
        given.keep.mkdir(parents=True, exist_ok=True)
        path = given.keep / f"{Path(name).stem}-{number}{Path(name).suffix}"
        path.write_bytes(data)
        print(path, check(path, report=True))
        return
    stop, number, total, failures = time.time() + 60 * given.minutes, given.first, 0, 0
    while time.time() < stop:
        for suffix in ENGINES:
            *found, counts = run_cases(suffix, number, number + 50, until=stop)
            total += sum(counts.values())
            failures += len(found)
            for failure in found:
                name, _, which = failure["case"].rpartition(":")
                print(f"--- {failure['case']}\n{failure['why']}", flush=True)
                given.keep.mkdir(parents=True, exist_ok=True)
                data = case_bytes(starting_files(suffix), name, int(which))
                (given.keep / f"{Path(name).stem}-{which}{suffix}").write_bytes(data)
            print(f"{suffix} to number {number + 50}: {counts}; {total} cases in all", flush=True)
        number += 50
    print(f"{total} cases, {failures} failures" + (f", kept in {given.keep}" * bool(failures)))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
