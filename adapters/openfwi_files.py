"""OpenFWI's layouts: which files a folder holds, and which seismic file goes with which map."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seisgeo.adapters.openfwi_families import FAMILIES, canonical_family
from seisgeo.adapters.openfwi_npy import (
    SEISMIC_WORDS,
    VELOCITY_WORDS,
    NpyFile,
    first_word,
    read_header,
)
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["Pair", "find_pairs", "looks_right"]

_PARTNER = {"data": "model", "seis": "vel", "model": "data", "vel": "seis"}


@dataclass(frozen=True)
class Pair:
    """Seismic file and velocity file of the same samples; either may be absent."""

    family: str
    seismic: NpyFile | None
    velocity: NpyFile | None

    @property
    def main(self) -> NpyFile:
        """The seismic file, or the velocity file where it stands alone."""
        file = self.seismic or self.velocity
        assert file is not None
        return file


def find_pairs(path: Path, *, amplitude: bool = True, velocity: bool = True) -> list[Pair]:
    """Find the files under `path` and pair them by name.

    Parameters
    ----------
    path : pathlib.Path
        A ``.npy`` file or a folder in one of OpenFWI's layouts.
    amplitude, velocity : bool, default True
        Whether that half is wanted; the files of the other half are then not looked for.

    Returns
    -------
    list of Pair
        In natural order of their paths; at least one.

    Raises
    ------
    MissingFileError
        If there is no such file or folder.
    FormatError
        If a pair is missing, or shapes disagree.
    """
    path = Path(os.path.abspath(path))  # the names of the folders above say the family
    if path.is_dir():
        pairs = _folder_pairs(path, amplitude, velocity)
    elif path.exists():
        pairs = [_file_pair(path, amplitude, velocity)]
    else:
        raise MissingFileError(f"{path}: no such file or folder")
    for pair in pairs:
        _check_counts(pair)
    _check_same([p.seismic for p in pairs if p.seismic], "(source, time, receiver)")
    _check_same([p.velocity for p in pairs if p.velocity], "(depth, x)")
    return pairs


def _file_pair(path: Path, amplitude: bool, velocity: bool) -> Pair:
    # A file that is named by itself stands alone where its partner is not there: nothing says that
    # the user has one. Velocity maps are never taken for a request to open their seismic data.
    family = _family(path, path.parent)
    if first_word(path) in SEISMIC_WORDS and velocity and (partner := _partner(path)).exists():
        return Pair(family, NpyFile.read(path) if amplitude else None, NpyFile.read(partner))
    file = NpyFile.read(path)
    if file.kind == "velocity":
        return Pair(family, None, file)
    return Pair(family, file, None)


def _folder_pairs(root: Path, amplitude: bool, velocity: bool) -> list[Pair]:
    if (root / "train_samples").is_dir():  # Kaggle: test/ beside it has records without maps
        root = root / "train_samples"
    files = sorted(_npy_files(root), key=_natural)
    if not files:
        raise FormatError(
            f"{root}: no .npy files here; expected data/data1.npy with model/model1.npy, "
            "seis2_1_0.npy with vel2_1_0.npy, or folders of families that hold them"
        )
    seismic = [f for f in files if first_word(f) in SEISMIC_WORDS]
    maps = [f for f in files if first_word(f) in VELOCITY_WORDS]
    if not (seismic or maps):
        return _unnamed_pairs(root, files)
    if not (amplitude and seismic):
        if not maps:
            raise FormatError(f"{root}: no velocity maps here, and 'amplitude' is dropped")
        return [Pair(_family(f, root), None, NpyFile.read(f)) for f in maps]
    if not velocity:
        return [Pair(_family(f, root), NpyFile.read(f), None) for f in seismic]
    partners = {f: _partner(f) for f in seismic}
    for file, partner in partners.items():
        if not partner.exists():
            raise FormatError(
                f"{file}: its velocity maps are missing, expected {partner}; put the file there, "
                "or open the seismic data alone with drop_variables='velocity'"
            )
    lonely = set(maps) - set(partners.values())
    if lonely:
        file = min(lonely, key=_natural)
        raise FormatError(
            f"{file}: its seismic data is missing, expected {_partner(file)}; put the file there, "
            "or open the velocity maps alone with drop_variables='amplitude'"
        )
    return [
        Pair(_family(f, root), NpyFile.read(f), NpyFile.read(partner))
        for f, partner in partners.items()
    ]


def _unnamed_pairs(root: Path, files: Sequence[Path]) -> list[Pair]:
    found = [NpyFile.read(f) for f in files]
    first = found[0]
    for other in found:
        if other.kind != first.kind:
            raise FormatError(
                f"{root}: cannot tell which velocity maps belong to which seismic data: "
                f"{first.path} holds {first.kind} {first.shape}, {other.path} {other.kind} "
                f"{other.shape}; name them data1.npy and model1.npy, or seis2_1_0.npy and "
                "vel2_1_0.npy"
            )
    families = [_family(f, f.parent) for f in files]
    if first.kind == "velocity":
        return [Pair(family, None, f) for family, f in zip(families, found, strict=True)]
    return [Pair(family, f, None) for family, f in zip(families, found, strict=True)]


def _partner(path: Path) -> Path:
    word = first_word(path)
    swap = _PARTNER[word]
    name = swap + path.name[len(word) :]
    beside = path.with_name(name)
    across = path.parent.with_name(swap) / name
    return across if path.parent.name.lower() == word and not beside.exists() else beside


def _family(path: Path, root: Path) -> str:
    holder = path.parent.parent if path.parent.name.lower() in _PARTNER else path.parent
    name = canonical_family(holder.name)
    return name if name in FAMILIES or root in holder.parents else ""


def _check_counts(pair: Pair) -> None:
    seismic, velocity = pair.seismic, pair.velocity
    if seismic and velocity and seismic.count != velocity.count:
        raise FormatError(
            f"{seismic.path} has {seismic.count} samples, shape {seismic.shape}, but its pair "
            f"{velocity.path} has {velocity.count}, shape {velocity.shape}; they must have the "
            "same number"
        )


def _check_same(files: Sequence[NpyFile], dims: str) -> None:
    for file in files[1:]:
        if file.sample_shape != files[0].sample_shape:
            raise FormatError(
                f"{file.path}: one sample {dims} has shape {file.sample_shape}, but "
                f"{files[0].sample_shape} in {files[0].path}; open them separately"
            )


def looks_right(path: Path) -> bool:
    """Whether `path` is a ``.npy`` file, or a folder that holds some, to be opened as OpenFWI."""
    if not path.is_dir():
        # No other reader of xarray takes .npy: a broken or missing file is ours too, so that the
        # user reads what is wrong with it.
        return path.suffix.lower() == ".npy"
    if path.suffix == ".zarr" or (path / "zarr.json").exists():
        return False
    return any(first_word(file) or _may_be_samples(file) for file in _npy_files(path, depth=3))


def _may_be_samples(path: Path) -> bool:
    try:
        return len(read_header(path)[0]) in (3, 4)
    except FormatError:
        return False


def _npy_files(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Files in `folder` and, `depth` levels down, its folders; hidden ones and Zarr left out."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(entry)
            elif entry.name.lower().endswith(".npy"):
                yield folder / entry.name
    for entry in folders if depth else []:
        if not entry.name.endswith(".zarr"):
            yield from _npy_files(folder / entry.name, depth - 1)


def _natural(path: Path) -> list[tuple[int, str | int]]:
    """Sort key: data2 before data10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(1, int(p)) if p.isdecimal() else (0, p) for p in parts]
