"""Cubes to Zarr, a shard at a time: in bounded memory, resumable, on one machine or a cluster."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.adapters.blocks import (
    block_bytes,
    chunks_of,
    grow,
    is_large,
)
from seisgeo.adapters.segy.cube import CUBE_KEY, read_cube
from seisgeo.adapters.zarr_blocks import Job, inexact_of, with_lost, write_blocks
from seisgeo.errors import (
    ConventionError,
    DataWarning,
    FormatError,
    HeaderWarning,
    OutputExistsError,
)
from seisgeo.files import Stage, differences, remove

if TYPE_CHECKING:
    from seisgeo.adapters.segy.original import Original

__all__ = ["portable", "releaser", "write_zarr"]

#: Changes whenever the same cube is laid out otherwise: then no older run goes on.
_LAYOUT = 1

#: Bytes of a block for each chunk that is compressed beside others.
_BYTES_A_CHUNK = 8 * 2**20


def write_zarr(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    memory: str | int = "300 MB",
    original: bool | str | os.PathLike[str] = True,
    scheduler: str | None = None,
    resume: Mapping[str, Any] | None = None,
) -> Path:
    """Write a cube as Zarr, ready for random access.

    Zarr format 3: a chunk is one sample or one gather (in stacks, about 1 MiB of whole traces),
    many chunks share a shard, which is a file; lz4 after bitshuffle.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube, also one larger than memory: it is read shard by shard, each trace once.
    path : path-like
        Folder to make, usually ``*.zarr``.
    overwrite : bool, default False
        Replace what stands under `path`.
    memory : str or int, default "300 MB"
        All that the process may take, Python and its libraries (150 MB) included, where it holds
        nothing else. It decides the size of a shard: 16 MiB before compression for 300 MB.
    original : bool or path-like, default True
        Of a cube that was opened from SEG-Y, or from a Zarr store made from it, also keep what the
        cube does not hold: text, binary and trace headers, and the traces that are in no gather.
        They lie in a group ``segy`` below the cube (:mod:`seisgeo.adapters.segy.original_zarr`)
        and make the file again: see :func:`write_segy`. ``where``, ``fillna`` and ``map`` make a
        dataset forget the file that it was opened from; a path says which it was.
    scheduler : str, optional
        Address of a Dask scheduler (``tcp://host:8786``) whose workers write the shards. They must
        see the source and `path` under the same names. The blocks of a worker that is lost are
        done again by others.
    resume : mapping, optional
        What the contents of the cube follow from (source, selection, …), for JSON. A run that was
        killed and had the same goes on where it was. Without it each run begins anew.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    ConventionError
        If `original` names a file or a store of which the cube is no part, with the reason.
    FormatError
        If `original` names what keeps no headers.
    OutputExistsError
        If `path` exists and `overwrite` is False.
    ParameterError
        If `memory` is no size or too little, or no scheduler answers.

    Warns
    -----
    HeaderWarning
        If the cube was made from SEG-Y and the headers of the file are not true of it any more, or
        are out of reach: why. They are left out.

    Notes
    -----
    lz4 after bitshuffle was chosen by measurement (``benchmarks/convert.py``): of files of several
    kinds, zstd at level 3 makes 1 to 11 per cent less and takes 2.4 to 5.5 times the CPU to
    compress.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> maps = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((4, 70, 70), 2000.0))})
    >>> out = write_zarr(maps, Path(tempfile.mkdtemp()) / "maps.zarr")
    >>> xr.open_dataset(out)["velocity"].encoding["chunks"]
    (1, 70, 70)
    """
    import zarr

    final = Path(path)
    if final.exists() and not overwrite:
        raise OutputExistsError(
            f"{final} already exists; choose another name or pass overwrite=True"
        )
    limit = block_bytes(memory)
    known = _original(ds, final, original) if original is not False else None
    release = releaser(ds)
    ds = portable(ds)
    shards = {
        str(name): grow(chunks_of(v), v, limit) for name, v in ds.variables.items() if is_large(v)
    }
    variables = {name: ds.variables[name] for name in shards}
    job = Job(variables, known, release, max(1, limit // _BYTES_A_CHUNK))
    settings = {**(resume or {}), "shards": shards, "original": str(original), "layout": _LAYOUT}
    stage = Stage(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    with _kept_if_stopped(stage, resume is not None, scheduler is not None):
        if resume is None or not _goes_on(stage, settings) or not _has_room(stage.data, shards):
            stage.clear()
            _create(ds, shards, limit, stage.data)
            stage.start(settings)
        lost = write_blocks(job, shards, stage, scheduler, f"writing {final.name}")
        stage.sweep()
        if known is not None:
            from seisgeo.adapters.segy.original_zarr import store_original

            if known.variable not in shards:  # too small for blocks
                lost = inexact_of(known, known.lookup)
            store_original(with_lost(known, lost), stage.data)
        with warnings.catch_warnings():
            # Zarr readers without consolidated metadata ignore it; xarray warns where it is missing
            warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
            zarr.consolidate_metadata(stage.data)
        stage.publish()
    return final


@contextlib.contextmanager
def _kept_if_stopped(stage: Stage, resumable: bool, cluster: bool) -> Iterator[None]:
    """Leave a stage that a later run can go on from; after an error (a full disk) leave nothing."""
    try:
        yield
    except BaseException as error:
        stopped = not isinstance(error, Exception)  # Ctrl-C
        # Of a cluster, what fails is more often the cluster than the work.
        if not (resumable and (stopped or (cluster and stage.marks()))):
            remove(stage.folder)
        raise


def _goes_on(stage: Stage, settings: Mapping[str, Any]) -> bool:
    """Whether a run of these settings was stopped here; one of others is said to be given up."""
    found = stage.settings()
    if found is None:
        return False
    if not (lines := differences(settings, found)):
        return True
    listed = "\n  ".join(lines)
    warnings.warn(
        f"{stage.final}: a run that was stopped had other settings; begun anew:\n  {listed}",
        DataWarning,
        stacklevel=4,
    )
    return False


def _has_room(store: Path, shards: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a store that was made before can still take its blocks."""
    import zarr

    try:
        group: Any = zarr.open_group(store, mode="r")
        return all(group[name].metadata is not None for name in shards)
    except Exception:  # zarr has many for what is broken
        return False


def _create(ds: xr.Dataset, shards: Mapping[str, tuple[int, ...]], limit: int, store: Path) -> None:
    """Make the store, with all that is small in it and room for the rest."""
    import dask.array as da
    from zarr.codecs import BloscCodec

    template = ds.copy()
    encoding: dict[Hashable, dict[str, Any]] = {}
    for name, variable in ds.variables.items():
        if variable.dtype.kind not in "fiub" or variable.size == 0 or variable.ndim == 0:
            continue
        chunks = chunks_of(variable)
        block = grow(chunks, variable, limit)
        encoding[name] = {
            "chunks": chunks,
            "compressors": (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),),
        }
        if block != chunks:
            encoding[name]["shards"] = block
        if name in shards:
            empty = da.zeros(variable.shape, dtype=variable.dtype, chunks=block)
            template[name] = (variable.dims, empty, variable.attrs)
    template.to_zarr(
        store, mode="w", zarr_format=3, consolidated=False, encoding=encoding, compute=False
    )


# ---------------------------------------------------------------------------------- what goes in


def _original(
    ds: xr.Dataset, final: Path, wanted: bool | str | os.PathLike[str]
) -> Original | None:
    """What the SEG-Y file of a cube holds beside it, where it fits the cube as it is now.

    All samples are held for lost until they have been looked at.
    """
    from seisgeo.adapters.segy.original import fit, of_file
    from seisgeo.adapters.segy.original_zarr import read_original

    named = None if isinstance(wanted, bool) else os.fspath(wanted)
    source = named or ds.encoding.get("source")
    cube = ds.encoding.get(CUBE_KEY) if named is None else None
    if named is not None and not os.path.isdir(named):
        cube = read_cube(named)
    if cube is not None:
        known = of_file(cube, scan=False)
    else:
        known = read_original(source) if isinstance(source, str) and os.path.isdir(source) else None
    if known is None and named is not None:
        raise FormatError(
            f"original={named}: keeps no headers of a SEG-Y file; expected a SEG-Y file, or a Zarr "
            "store made from one"
        )
    if known is None:
        if source is None and ds.attrs.get("source_format") == "SEG-Y":
            warnings.warn(
                f"{final}: the headers of {ds.attrs.get('source', 'the SEG-Y file')} are left out: "
                "a computation (where, fillna, map) made the dataset forget the file that it was "
                "opened from. Name the file with original=..., or leave them out without this "
                "warning by original=False",
                HeaderWarning,
                stacklevel=3,
            )
        return None
    fitting, reason = fit(known, ds)
    if fitting is None and named is not None:
        raise ConventionError(
            f"the headers of {named} are not those of the cube ({reason}); original=False leaves "
            "them out"
        )
    if fitting is None:
        warnings.warn(
            f"{final}: the headers of the original SEG-Y file are left out, as they are not those "
            f"of the cube any more ({reason}). original=False does so without this warning",
            HeaderWarning,
            stacklevel=3,
        )
    return fitting


def releaser(ds: xr.Dataset) -> Callable[[], None] | None:
    """What gives back the memory of those parts of a mapped file that were read."""
    cube = ds.encoding.get(CUBE_KEY)
    return None if cube is None else cube.file.release


def portable(ds: xr.Dataset) -> xr.Dataset:
    """A copy without the encoding of the source, and with text as variable-length strings.

    Zarr 3 has no specification for numpy's fixed-length text.
    """
    ds = ds.drop_encoding()
    for name, variable in ds.variables.items():
        if variable.dtype.kind in "UT":
            ds[name] = (variable.dims, np.asarray(variable.values, object), variable.attrs)
    return ds
