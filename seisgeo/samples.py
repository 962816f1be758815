"""Real files to try the library on, downloaded once and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from seisgeo.errors import SeisgeoError

__all__ = ["SAMPLES", "Sample", "cache_dir", "download", "fetch"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A public file.

    Attributes
    ----------
    description : str
        What is in it.
    url : str
        Where it is downloaded from.
    sha256 : str
        Checksum of the file.
    source : str
        Who published it.
    licence : str
        Terms under which it may be used.
    """

    description: str
    url: str
    sha256: str
    source: str
    licence: str


_RAW = "https://raw.githubusercontent.com"

#: The files, by name.
SAMPLES: dict[str, Sample] = {
    "viking_small.segy": Sample(
        description="Marine pre-stack field data: 4 shots, 120 channels, 600 samples of 4 ms",
        url=f"{_RAW}/equinor/segyio/545c41b10e158be651e15a889a5cc37033876f09"
        "/python/tutorials/viking_small.segy",
        sha256="472c0ccf4577ab94e021ff82726cc8bfae8f894bf0de889d28289a7030fa4eed",
        source="python/tutorials of https://github.com/equinor/segyio",
        licence="LGPL-3.0 (repository)",
    ),
    "real_gather.sgy": Sample(
        description="Land field shot: 96 traces, 1000 samples of 0.25 ms",
        url=f"{_RAW}/DaloroAT/first_breaks_picking/main/data/real_gather.sgy",
        sha256="14960a1d4c418383e8485568195cd15d2c70369f8bbac486eff73adb8adc3801",
        source="https://github.com/DaloroAT/first_breaks_picking",
        licence="Apache-2.0 (repository)",
    ),
    "volve10-migvel-depth-sub3d.sgy": Sample(
        description="Volve field migration velocity in depth: 18 inlines, 52 crosslines, 226 "
        "samples of 20 m",
        url=f"{_RAW}/trhallam/segysak/32395aa5bc1457f6b4b762246150d6cc5f3ef432"
        "/examples/data/volve10-migvel-depth-sub3d.sgy",
        sha256="f2194eaef8ad675f2efe26845ed61e37451472cc23a770d0ec337778b61ae9a5",
        source="examples/data of https://github.com/trhallam/segysak; Equinor's Volve open data",
        licence="Equinor terms and conditions for licence to data, Volve",
    ),
}


def cache_dir() -> Path:
    """Folder of the downloaded files.

    Returns
    -------
    pathlib.Path
        The environment variable ``SEISGEO_DATA_DIR``, or the user's cache folder.
    """
    import pooch

    return Path(os.environ.get("SEISGEO_DATA_DIR") or pooch.os_cache("seisgeo"))


def fetch(name: str) -> Path:
    """Give the path of a sample file, downloading it the first time.

    Parameters
    ----------
    name : str
        A key of :data:`SAMPLES`, which also has each file's source and licence.

    Returns
    -------
    pathlib.Path
        The file in :func:`cache_dir`. One that is already there (or in a folder of it) with the
        right checksum is used without a network.

    Raises
    ------
    SeisgeoError
        If there is no such sample, or it cannot be downloaded whole.

    Examples
    --------
    >>> SAMPLES["viking_small.segy"].description
    'Marine pre-stack field data: 4 shots, 120 channels, 600 samples of 4 ms'
    """
    import pooch

    if name not in SAMPLES:
        raise SeisgeoError(f"no sample is called {name!r}; there are: {', '.join(SAMPLES)}")
    sample = SAMPLES[name]
    folder = cache_dir()
    for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
        if path.is_file() and pooch.file_hash(str(path), alg="sha256") == sample.sha256:
            return path
    return download(sample.url, sample.sha256, name)


def download(url: str, sha256: str, name: str) -> Path:
    """Download a file once.

    Parameters
    ----------
    url : str
        Where it is.
    sha256 : str
        Its checksum.
    name : str
        What it is called in :func:`cache_dir`.

    Raises
    ------
    SeisgeoError
        If it cannot be had whole.
    """
    import pooch

    folder = cache_dir()
    try:
        found = pooch.retrieve(
            url, known_hash=f"sha256:{sha256}", fname=name, path=folder, progressbar=False
        )
    except (OSError, ValueError) as error:  # no network, no such page, another checksum, full disk
        raise SeisgeoError(
            f"could not fetch {name} from {url} ({type(error).__name__}: {error}); download "
            f"it yourself and put it into {folder}, or set SEISGEO_DATA_DIR to a folder that has it"
        ) from error
    return Path(found)
