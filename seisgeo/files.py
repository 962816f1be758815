"""Writing files so that a reader never sees half of one, and a stopped run can go on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seisgeo.errors import OutputExistsError

__all__ = ["Stage", "differences", "partial_path", "remove", "require_same", "whole_output"]


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
        _put(part, final)
    finally:
        remove(part)


def _put(part: Path, final: Path) -> None:
    """Give `part` its final name, in the place of what stands there."""
    old = final.with_name(f".{final.name}.old")
    if final.is_dir():  # a folder cannot be replaced in one step: move the old one aside first
        remove(old)
        final.rename(old)
    os.replace(part, final)
    remove(old)


class Stage:
    """The hidden folder in which an output grows block by block, so that a killed run can go on.

    It holds the output (`data`), the settings of the run, and a mark for each block that is whole.
    A run begins with :meth:`clear`, makes what the blocks are put into, and then :meth:`start`;
    what was killed before that leaves nothing to go on from.

    Parameters
    ----------
    final : path-like
        What the output will be called.

    Attributes
    ----------
    data : pathlib.Path
        Where to write it.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "models"
    >>> stage = Stage(target)
    >>> stage.clear()
    >>> stage.data.mkdir()
    >>> stage.start({"seed": 7})
    >>> for block in ("a", "b"):
    ...     _ = (stage.data / block).write_text("…")
    ...     stage.mark(block)
    >>> Stage(target).settings(), sorted(Stage(target).marks())
    ({'seed': 7}, ['a', 'b'])
    >>> stage.publish()
    >>> sorted(file.name for file in target.iterdir())
    ['a', 'b']
    """

    def __init__(self, final: str | os.PathLike[str]) -> None:
        self.final = Path(final)
        self.folder = partial_path(self.final)
        self.data = self.folder / "data"
        self._run = self.folder / "run.json"
        self._done = self.folder / "done"

    def settings(self) -> dict[str, Any] | None:
        """Settings of the run that was stopped here; None where there is none to go on from."""
        try:
            found = json.loads(self._run.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and self.data.exists() else None

    def clear(self) -> None:
        """Begin anew: an empty folder."""
        remove(self.folder)
        self._done.mkdir(parents=True)

    def start(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings: from now on the run can go on after a kill."""
        _write_json(self._run, settings)

    def mark(self, block: str, note: Any = None) -> None:
        """Say that a block is whole, with what has to be known of it (JSON)."""
        _write_json(self._done / block, note)

    def marks(self) -> dict[str, Any]:
        """Blocks that are whole, and their notes."""
        found = {}
        for file in self._done.glob("*"):
            with contextlib.suppress(OSError, ValueError):  # killed while it was written
                found[file.name] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def sweep(self) -> None:
        """Remove what writers of Zarr that were killed have left in `data`."""
        for stray in self.data.rglob("*.partial"):
            stray.unlink(missing_ok=True)

    def publish(self, made: Path | None = None) -> None:
        """Give the output its name, in the place of what stands there, and clear up.

        Parameters
        ----------
        made : pathlib.Path, optional
            What the output is, where it was made from `data`.
        """
        _put(made or self.data, self.final)
        remove(self.folder)


def _write_json(path: Path, value: Any) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value), encoding="utf-8")
    os.replace(part, path)


def differences(asked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Settings of two runs that differ, a line each.

    Examples
    --------
    >>> differences({"n": 5, "seed": 1}, {"n": 5, "seed": 2})
    ['seed: 1 asked, 2 there']
    """

    def short(value: Any) -> str:
        text = json.dumps(value)
        return text if len(text) < 80 else text[:77] + "..."

    asked = json.loads(json.dumps(asked))  # tuples are lists there
    return [
        f"{key}: {short(asked.get(key))} asked, {short(found.get(key))} there"
        for key in [*asked, *(k for k in found if k not in asked)]
        if asked.get(key) != found.get(key)
    ]


def require_same(asked: Mapping[str, Any], found: Mapping[str, Any], path: Path) -> None:
    """Refuse to go on with, or to take for whole, what a run of other settings has written."""
    if lines := differences(asked, found):
        listed = "\n  ".join(lines)
        raise OutputExistsError(
            f"{path}, whole or in part, belongs to a run with other settings:\n  {listed}\n"
            "choose another name, or pass overwrite=True to replace it"
        )
