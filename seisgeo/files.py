"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from seisgeo.errors import OutputExistsError

__all__ = ["partial_path", "remove", "whole_output"]


def partial_path(path: Path) -> Path:
    """Name under which `path` is written until it is whole: beside it, so that a rename does."""
    return path.with_name(f".{path.name}.partial")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there.

    Writers on other threads may still add to a folder when an interrupt ends the one that waited
    for them, so a folder is tried again for a second.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for _ in range(10):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(path)


@contextlib.contextmanager
def whole_output(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to `path` when the block ends well.

    Parameters
    ----------
    path : path-like
        Final name of the file or folder.
    overwrite : bool, default False
        Replace what stands under `path`.

    Yields
    ------
    pathlib.Path
        Where to write. If the block raises (a full disk, an interrupt), it is removed and `path`
        stays as it was.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> target = Path(tempfile.mkdtemp()) / "picks.txt"
    >>> with whole_output(target) as part:
    ...     _ = part.write_text("first break 0.12 s")
    >>> target.read_text()
    'first break 0.12 s'
    """
    final = Path(path)
    if final.exists() and not overwrite:
        raise OutputExistsError(
            f"{final} already exists; choose another name or pass overwrite=True"
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    part = partial_path(final)
    remove(part)
    try:
        yield part
        if final.is_dir():  # a folder cannot be replaced in one step: move the old one aside first
            old = final.with_name(f".{final.name}.old")
            remove(old)
            final.rename(old)
            part.rename(final)
            remove(old)
        else:
            os.replace(part, final)
    finally:
        remove(part)
