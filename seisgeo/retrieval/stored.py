"""Galleries on disk: one folder, checked when it is opened, no pickle."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo._version import __version__
from seisgeo.errors import ModelFileError
from seisgeo.files import whole_output
from seisgeo.retrieval.indexes import index_class

if TYPE_CHECKING:
    from seisgeo.retrieval.gallery import Gallery

__all__ = ["is_gallery", "load", "save"]

#: Layout of the folder; a reader refuses any other.
FORMAT = 1

_ABOUT, _SAMPLES, _INDEX = "gallery.json", "samples.zarr", "index"
#: Bytes of velocity models written at once.
_BLOCK_BYTES = 64 * 2**20


def save(gallery: Gallery, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a gallery; see :meth:`Gallery.save`."""
    names = [n for n in ("velocity", "descriptor_value") if n in gallery.samples]
    samples = gallery.samples[names]
    with whole_output(path, overwrite=overwrite) as part:
        (part / _INDEX).mkdir(parents=True)
        settings = gallery.index.save(part / _INDEX)
        _write_samples(samples, part / _SAMPLES)
        about = {
            "format": FORMAT,
            "seisgeo_version": __version__,
            "model": gallery.model_id,
            "modality": gallery.modality,
            "index": gallery.kind,
            "settings": settings,
            "samples": len(gallery),
            "labels": _digest_labels(_open_samples(part / _SAMPLES)),
            "files": {f.name: _digest(f) for f in sorted((part / _INDEX).iterdir())},
        }
        about["sha256"] = _seal(about)
        (part / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def is_gallery(path: Path) -> bool:
    """Whether a folder is a saved gallery, whole or not."""
    return (path / _ABOUT).is_file()


def load(path: str | os.PathLike[str]) -> Gallery:
    """Open a gallery; see :meth:`Gallery.load`."""
    from seisgeo.retrieval.gallery import Gallery

    folder = Path(path)
    about = _about(folder)
    files = about["files"]
    for name, digest in files.items():
        file = folder / _INDEX / name
        if not file.is_file():
            raise ModelFileError(f"{folder}: its file {_INDEX}/{name} is missing; make it again")
        if _digest(file) != digest:
            raise ModelFileError(
                f"{file}: cut short or altered since the gallery was saved; make it again"
            )
    try:
        samples = _open_samples(folder / _SAMPLES)
        labels = _digest_labels(samples)
    except Exception as error:  # whatever zarr and its codecs raise
        raise ModelFileError(f"{folder / _SAMPLES}: cannot be read ({error})") from error
    if samples.sizes.get("sample") != about["samples"] or labels != about["labels"]:
        raise ModelFileError(
            f"{folder / _SAMPLES}: its {samples.sizes.get('sample')} samples, their coordinates or "
            f"descriptors are not the {about['samples']} that the index was made of; make the "
            "gallery again"
        )
    index = index_class(about["index"]).load(folder / _INDEX, about["settings"])
    if len(index) != about["samples"]:
        raise ModelFileError(
            f"{folder}: the index holds {len(index)} embeddings of {about['samples']} samples; "
            "make the gallery again"
        )
    return Gallery(index, samples, about["model"], about["modality"], about["index"])


def _about(folder: Path) -> dict[str, Any]:
    file = folder / _ABOUT
    if not file.is_file():
        what = "no such gallery" if not folder.exists() else f"no gallery: it has no {_ABOUT}"
        raise ModelFileError(f"{folder}: {what}; make_gallery(...).save(...) makes one")
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ModelFileError(
                f"{folder}: gallery of format {about['format']}, written by seisgeo "
                f"{about.get('seisgeo_version')}; this is seisgeo {__version__}, which reads "
                f"format {FORMAT}: make it again, or use that version"
            )
        seal = about.pop("sha256")
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{file}: cut short or altered ({error!r})") from error
    if seal != _seal(about):
        raise ModelFileError(f"{file}: does not match its checksum; the file was altered")
    return about


def _seal(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _digest_labels(samples: xr.Dataset) -> str:
    """Checksum of what a hit is known by: all coordinates, and the descriptors."""
    digest = hashlib.sha256()
    names = sorted(map(str, samples.coords))
    for name in [*names, *(n for n in ("descriptor_value",) if n in samples)]:
        values = samples[name].values
        if values.dtype.kind in "OTU":
            values = np.array(json.dumps(values.tolist()).encode())
        digest.update(f"{name} {samples[name].dims} {values.dtype.kind} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _open_samples(path: Path) -> xr.Dataset:
    return xr.open_zarr(path, chunks=None, consolidated=False)


def _write_samples(samples: xr.Dataset, path: Path) -> None:
    """Write models by blocks, each chunk with a checksum that its reader verifies."""
    from zarr.codecs import BloscCodec, Crc32cCodec

    samples = samples.drop_encoding().transpose("sample", ...)
    # Words of fixed length have no place in Zarr's specification.
    words = {n: v.astype(object) for n, v in samples.coords.items() if v.dtype.kind == "U"}
    samples = samples.assign_coords(words)
    total = samples.sizes["sample"]
    row = sum(v.nbytes for v in samples.data_vars.values()) // total + 1
    chunk = max(1, min(total, 2**20 // row))  # a hit costs a megabyte at most
    block = max(1, _BLOCK_BYTES // (chunk * row)) * chunk
    encoding = {
        name: {
            "compressors": (BloscCodec(cname="lz4", shuffle="bitshuffle"), Crc32cCodec()),
            "chunks": (chunk, *v.shape[1:]),
            "shards": (block, *v.shape[1:]),
        }
        for name, v in samples.data_vars.items()
    }
    first = samples.isel(sample=slice(0, block)).load()
    first.to_zarr(path, encoding=encoding, zarr_format=3, consolidated=False)
    fixed = [n for n, v in samples.variables.items() if "sample" not in v.dims]
    for start in range(block, total, block):
        part = samples.isel(sample=slice(start, start + block)).drop_vars(fixed).load()
        part.to_zarr(path, append_dim="sample", consolidated=False)
