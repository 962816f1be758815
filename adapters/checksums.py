"""Checksums beside a file or a folder, in the form that ``sha256sum -c`` reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from seisgeo.errors import FormatError, MissingFileError
from seisgeo.files import whole_output

__all__ = ["require_same_files", "sha256", "verify_checksums", "write_checksums"]

_SUFFIX = ".sha256"


def write_checksums(path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the SHA-256 of a file, or of each file in a folder, beside it.

    Parameters
    ----------
    path : path-like
        ``line.sgy``, or a folder such as ``line.zarr``.
    overwrite : bool, default False
        Replace the checksums that are there.

    Returns
    -------
    pathlib.Path
        ``line.sgy.sha256``. Its lines, a checksum and a path from the folder that it stands in, are
        those of GNU ``sha256sum``: ``sha256sum -c line.sgy.sha256`` checks them, as does
        :func:`verify_checksums`.

    Raises
    ------
    MissingFileError
        If there is nothing under `path`.
    OutputExistsError
        If the checksums exist and `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "picks.txt"
    >>> _ = file.write_text("first break 0.12 s")
    >>> write_checksums(file).read_text()[:16], verify_checksums(file)
    ('80a1c1f3ca5cfa63', 1)
    """
    target = _existing(path)
    with whole_output(_beside(target), overwrite=overwrite) as part:
        lines = (f"{sha256(file)}  {name}\n" for name, file in _files(target).items())
        part.write_text("".join(lines), encoding="utf-8", newline="\n")
    return _beside(target)


def verify_checksums(path: str | os.PathLike[str]) -> int:
    """Compare a file or a folder with the checksums beside it.

    Parameters
    ----------
    path : path-like
        What :func:`write_checksums` was called with.

    Returns
    -------
    int
        Number of files, all of which are as they were.

    Raises
    ------
    MissingFileError
        If it or its checksums are not there.
    FormatError
        If a file differs, is missing, or has been added: the first few are named.
    """
    target = _existing(path)
    beside = _beside(target)
    if not beside.is_file():
        raise MissingFileError(
            f"{beside}: no checksums; seisgeo convert --checksum writes them, or write_checksums"
        )
    stated = {}
    for number, line in enumerate(beside.read_text(encoding="utf-8").splitlines(), 1):
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap not in ("  ", " *") or len(digest) != 64 or not name:
            raise FormatError(
                f"{beside}, line {number}: expected a SHA-256, two blanks and a path, found "
                f"{line[:80]!r}"
            )
        stated[name] = digest.lower()
    files = _files(target)
    added = [name for name in files if name not in stated]
    require_same_files(
        target.parent, {k: (v, None) for k, v in stated.items()}, beside.name, added, target
    )
    return len(files)


def require_same_files(
    folder: Path,
    stated: Mapping[str, tuple[str, int | None]],
    source: str,
    added: Collection[str] = (),
    named: Path | None = None,
) -> None:
    """Refuse files that are not what is stated of them.

    Parameters
    ----------
    folder : pathlib.Path
        Where they lie.
    stated : mapping
        SHA-256 and, if it is known, size in bytes of each file, by its path in `folder`.
    source : str
        What states it.
    added : collection of str, optional
        Files that should not be there.
    named : pathlib.Path, optional
        What to call it all; by default `folder`.

    Raises
    ------
    FormatError
        If a file differs or is missing, or any was added: the first few are named.
    """
    wrong = []
    for name, (digest, size) in stated.items():
        file = folder / name
        if not file.is_file():
            wrong.append(f"{name} is missing")
        elif size is not None and file.stat().st_size != size:
            wrong.append(f"{name} has {file.stat().st_size} bytes, not {size}")
        elif sha256(file) != digest:
            wrong.append(f"{name} was changed")
    wrong += [f"{name} was added" for name in added]
    if wrong:
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise FormatError(
            f"{named or folder}: {len(wrong)} of {len(stated)} files are not what {source} says: "
            f"{'; '.join(wrong[:5])}{more}"
        )


def _existing(path: str | os.PathLike[str]) -> Path:
    # A name is needed, which "." has not.
    target = Path(os.path.abspath(path))
    if not target.exists():
        raise MissingFileError(f"{target}: no such file or folder")
    return target


def _beside(target: Path) -> Path:
    return target.with_name(target.name + _SUFFIX)


def _files(target: Path) -> dict[str, Path]:
    """Every file, by its path from the folder that the target stands in."""
    files = sorted(target.rglob("*")) if target.is_dir() else [target]
    return {f.relative_to(target.parent).as_posix(): f for f in files if f.is_file()}


def sha256(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
