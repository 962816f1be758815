"""Files of a Zarr array, written whole by those who know all of their samples.

What is written is what zarr-python would write, byte for byte (Zarr 3 core specification; sharding
codec 1.0), in a fraction of the time: zarr-python hands each chunk to other threads and gathers a
file in memory before it writes it, which for gathers is more work than all else.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seisgeo.synth.unbuffered import write_parts

__all__ = ["BLOSC", "samples_per_file", "write_samples"]

#: Compression of models, which are whole numbers and layers. Gathers are as they are: most bits of
#: their numbers are noise to a codec. lz4 with bitshuffle takes a ninth off, for .9 ms a sample of
#: OpenFWI's survey and .6 ms each time it is read; to check and write it costs 1 ms without.
BLOSC: dict[str, Any] = {"cname": "lz4", "clevel": 1, "shuffle": "bitshuffle"}
#: Where the sharding codec's index has no chunk.
_MISSING = 2**64 - 1


def samples_per_file(array: Path) -> int:
    """Samples that each file of an array holds: those of a shard, or of a chunk."""
    return _length(_metadata(array))


def write_samples(array: Path, start: int, samples: np.ndarray) -> tuple[str, list[Any]]:
    """Write the file of an array that begins with a sample.

    Parameters
    ----------
    array : pathlib.Path
        Folder of a float32 array that is divided along its first dimension alone, in chunks or in
        shards of one sample a chunk, as it is or compressed by Blosc.
    start : int
        Number of the file's first sample, a multiple of :func:`samples_per_file`.
    samples : numpy.ndarray
        All samples of the file; fewer where the array ends.

    Returns
    -------
    name : str
        The file, from the folder of the array. It appears when it is whole.
    what : list
        Its SHA-256, and its size in bytes.
    """
    metadata = _metadata(array)
    length = _length(metadata)
    name = "/".join(["c", str(start // length), *["0"] * (samples.ndim - 1)])
    codec, *after = metadata["codecs"]
    samples = np.ascontiguousarray(samples, dtype="<f4")
    if codec["name"] == "sharding_indexed":
        parts = _shard(samples, length, codec["configuration"]["codecs"][1:])
    else:
        parts = [_chunk(samples, length, after)]
    file = array / name
    file.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: a worker that was taken for lost may be writing the same file.
    partial = file.with_name(f"0.{uuid.uuid4().hex}.partial")
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    size = write_parts(partial, parts)
    os.replace(partial, file)
    return name, [checksum.hexdigest(), size]


def _metadata(array: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((array / "zarr.json").read_text(encoding="utf-8"))
    return found


def _length(metadata: dict[str, Any]) -> int:
    return int(metadata["chunk_grid"]["configuration"]["chunk_shape"][0])


def _encode(samples: np.ndarray, codecs: Sequence[dict[str, Any]]) -> bytes | memoryview:
    """A chunk as the codecs that follow the one of its bytes have it."""
    if not codecs:
        return samples.reshape(-1).view(np.uint8).data
    from numcodecs import Blosc

    (codec,) = codecs
    settings = codec["configuration"]
    blosc = Blosc(
        cname=settings["cname"],
        clevel=settings["clevel"],
        shuffle=getattr(Blosc, settings["shuffle"].upper()),
        blocksize=settings["blocksize"],
    )
    packed: bytes = blosc.encode(samples)
    return packed


def _chunk(
    samples: np.ndarray, length: int, codecs: Sequence[dict[str, Any]]
) -> bytes | memoryview:
    """One chunk, filled up with NaN where the array ends."""
    if len(samples) < length:
        missing = np.full((length - len(samples), *samples.shape[1:]), np.nan, "<f4")
        samples = np.concatenate([samples, missing])
    return _encode(samples, codecs)


def _shard(
    samples: np.ndarray, length: int, codecs: Sequence[dict[str, Any]]
) -> list[bytes | memoryview]:
    """Chunks of one sample, and the index that says where each begins and how long it is."""
    from google_crc32c import value as crc32c

    together: bytes | memoryview
    if codecs:
        chunks = [_encode(sample, codecs) for sample in samples]
        sizes, together = np.array([len(chunk) for chunk in chunks]), b"".join(chunks)
    else:  # from where they are, without a copy
        sizes, together = np.full(len(samples), samples[0].nbytes), _encode(samples, codecs)
    index = np.full((length, 2), _MISSING, "<u8")
    index[: len(samples), 0] = np.cumsum(sizes) - sizes
    index[: len(samples), 1] = sizes
    return [together, index.tobytes() + crc32c(index.tobytes()).to_bytes(4, "little")]
