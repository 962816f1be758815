"""Checksums: what they say is what GNU sha256sum says, and every change is found."""

import hashlib
import shutil
import subprocess

import numpy as np
import pytest

from seisgeo.adapters import convert, verify_checksums, write_checksums
from seisgeo.errors import FormatError, MissingFileError, OutputExistsError


@pytest.fixture
def store(tmp_path):
    np.save(tmp_path / "model1.npy", np.full((4, 1, 70, 70), 2000, np.float32))
    return convert(tmp_path / "model1.npy", tmp_path / "maps.zarr", checksum=True)


def test_gnu_sha256sum_agrees(store):
    beside = store.parent / "maps.zarr.sha256"
    stated = dict(reversed(line.split("  ")) for line in beside.read_text().splitlines())
    files = {p for p in store.rglob("*") if p.is_file()}
    assert stated == {
        p.relative_to(store.parent).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
    }
    assert verify_checksums(store) == len(files) > 3
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", "--strict", "--quiet", beside.name]
        subprocess.run(command, cwd=store.parent, check=True)


def test_a_single_file(tmp_path, store, monkeypatch):
    file = convert(store, tmp_path / "maps.nc", checksum=True)
    monkeypatch.chdir(tmp_path)
    assert verify_checksums("maps.nc") == 1
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    with pytest.raises(FormatError, match=r"1 of 1 files are not .*maps\.nc was changed"):
        verify_checksums(file)


def test_files_that_are_missing_or_were_added(store):
    (store / "velocity" / "zarr.json").unlink()
    (store / "notes.txt").write_text("shot at 10:42")
    message = r"2 of \d+ files .*maps\.zarr/velocity/zarr\.json is missing; .*notes\.txt was added"
    with pytest.raises(FormatError, match=message):
        verify_checksums(store)


def test_without_checksums_and_with_broken_ones(tmp_path, store):
    with pytest.raises(MissingFileError, match=r"model1\.npy\.sha256: no checksums; seisgeo conv"):
        verify_checksums(tmp_path / "model1.npy")
    with pytest.raises(MissingFileError, match=r"other: no such file"):
        verify_checksums(tmp_path / "other")
    with pytest.raises(OutputExistsError, match=r"maps\.zarr\.sha256 already exists"):
        write_checksums(store)
    assert write_checksums(store, overwrite=True) == tmp_path / "maps.zarr.sha256"
    (tmp_path / "maps.zarr.sha256").write_text("MD5 12345  maps.zarr\n")
    with pytest.raises(FormatError, match=r"line 1: expected a SHA-256, two blanks and a path"):
        verify_checksums(store)
