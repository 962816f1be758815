"""Broken SEG-Y, SU and SEG-2 files: a bounded number of the cases of :mod:`fuzz_run`.

The long run is a command: ``python tests/adapters/fuzz_run.py --minutes 60``.
"""

import sys

import numpy as np
import pytest
from fuzz_inputs import case_bytes, starting_files
from fuzz_run import check, decoded, run_cases

from seisgeo.adapters.segy.file import SegyFile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="alarms and limits are of POSIX")
STACK = "made-2-rev1-big-stack.sgy"


@pytest.mark.parametrize(("suffix", "numbers"), [(".sgy", 14), (".su", 60), (".dat", 40)])
def test_broken_files_open_or_say_why(suffix, numbers):
    *failures, counts = run_cases(suffix, 0, numbers)
    assert not failures, "\n\n".join(f"{f['case']}\n{f['why']}" for f in failures)
    # Both happen: the mutations neither miss nor only destroy.
    assert counts["refused"] > 10
    assert counts["opened"] > 10


@pytest.mark.parametrize("suffix", [".sgy", ".su", ".dat"])
def test_cases_are_the_same_on_every_run(suffix):
    files = starting_files(suffix)
    name = next(iter(files))
    assert case_bytes(files, name, 0) == files[name]
    first = [case_bytes(files, name, n) for n in range(1, 30)]
    assert first == [case_bytes(files, name, n) for n in range(1, 30)]
    assert len(set(first)) > 20


def _stack(tmp_path, data=None):
    path = tmp_path / "line.sgy"
    path.write_bytes(starting_files(".sgy")[STACK] if data is None else data)
    return path


def test_the_check_sees_samples_that_are_not_those_of_the_file(tmp_path, monkeypatch):
    path = _stack(tmp_path)
    assert check(path) == "opened"
    honest = SegyFile.read
    monkeypatch.setattr(SegyFile, "read", lambda *given: honest(*given) + 1)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(path)


def test_the_check_sees_bytes_that_nobody_mentions(tmp_path, monkeypatch):
    path = _stack(tmp_path, starting_files(".sgy")[STACK][:-100])
    assert check(path) == "warned"
    monkeypatch.setattr("seisgeo.adapters.segy.backend.warn", lambda *a, **k: None)
    with pytest.raises(AssertionError, match="bytes after the last trace, and no warning"):
        check(path)


def test_the_check_sees_other_errors(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("inline")

    monkeypatch.setattr("seisgeo.adapters.segy.cube.find_geometry", broken)
    with pytest.raises(KeyError, match="inline"):
        check(_stack(tmp_path))


@pytest.mark.parametrize(
    ("code", "raw", "value"),
    [
        (1, "c276a000", -118.625),
        (1, "00000001", 16.0**-64 / 2**24),
        (2, "ffffff9c", -100),
        (4, "0003ffff", -8),
        (5, "c2ed4000", -118.625),
        (7, "ffff9c", -100),
        (9, "ffffffffffffff9c", -100),
        (15, "ffff9c", 16777116),
    ],
)
def test_decoding_by_definition(code, raw, value):
    there = bytes.fromhex(raw)
    np.testing.assert_array_equal(decoded(there, code, ">"), [value])
    np.testing.assert_array_equal(decoded(there[::-1], code, "<"), [value])
