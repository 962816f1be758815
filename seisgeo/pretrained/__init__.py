"""Models that come with the package: by name, without a network.

``index.json`` has a line for each: the estimator, its file beside the index, the file's SHA-256,
and the version of the weights. The folder of each also holds its model card, ``README.md``.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path

from seisgeo.errors import ModelFileError

__all__ = ["available", "model_file"]

_INDEX = Path(__file__).with_name("index.json")


def available() -> dict[str, dict[str, str]]:
    """The models that come with this version, by name.

    Returns
    -------
    dict
        For each: ``estimator``, ``file``, ``sha256``, ``version``, and ``description``.
    """
    return json.loads(_INDEX.read_text(encoding="utf-8"))


def model_file(source: str | os.PathLike[str], sha256: str | None = None) -> Path:
    """The file of a model that is given by name, path or address, checked.

    Parameters
    ----------
    source : str or path-like
        A name of :func:`available`, a file, or an address (``https://…``), which is downloaded
        once.
    sha256 : str, optional
        Checksum of the file; an address needs one.

    Raises
    ------
    ModelFileError
        If there is no such model, or the file is not what its checksum says.
    SeisgeoError
        If it cannot be downloaded whole.
    """
    import pooch

    name = os.fspath(source)
    known = available()
    if "://" in name:
        from seisgeo.samples import download

        if sha256 is None:
            raise ModelFileError(
                f"{name}: a model from an address needs its checksum, sha256=…: the model card "
                "should have it"
            )
        return download(name, sha256, f"{sha256[:12]}-{name.rsplit('/', 1)[-1]}")
    if name in known:
        file, sha256 = _INDEX.parent / known[name]["file"], known[name]["sha256"]
        advice = "install seisgeo anew"
    else:
        file, advice = Path(name), "fetch it again"
        if not file.is_file():
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ModelFileError(
                f"{name}: neither a file nor a model that comes with seisgeo.{hint} There are: "
                f"{', '.join(known) or 'none in this version'}"
            )
    if not file.is_file():
        raise ModelFileError(f"{file}: the file of the model {name!r} is missing; {advice}")
    if sha256 is not None and (found := pooch.file_hash(str(file), alg="sha256")) != sha256:
        raise ModelFileError(
            f"{file}: cut short or altered, its SHA-256 is {found}, expected {sha256}; {advice}"
        )
    return file
