"""Where the fields of trace headers stand when the user says so: a mapping, or a file of one."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seisgeo.adapters.segy.fields import (
    CUBE_NAMES,
    IBM,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Field,
)
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["Headers", "did_you_mean", "read_mapping", "with_mapping"]

#: What ``headers=`` may be: name -> place, or the path of a YAML file that holds this.
Headers = Mapping[str, Any] | str | os.PathLike[str]

_PLACES = "a byte, (byte, type) or {byte: …, type: …}, for instance (189, 'int32')"
_TYPES = "int8 to int64, uint8 to uint64, float32, float64 or ibm32"
_IBM_NAMES = ("ibm", "ibm32", IBM)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'? "`` where a known name is close, else ``""``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def read_mapping(headers: Headers | None) -> dict[str, Any]:
    """A user's mapping as a dict, read from its YAML file where a path is given.

    Parameters
    ----------
    headers : mapping or path-like, optional
        Field name -> byte, ``(byte, type)`` or ``{"byte": …, "type": …}``. The same in YAML::

            inline: 9                         # with the standard's type
            crossline: [21, int32]
            my_weight: {byte: 233, type: float32}

    Returns
    -------
    dict
        Field name -> place; ``{}`` for None. What the places mean is checked by
        :func:`with_mapping`.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is no YAML mapping, or names a field twice; the message gives the line.
    """
    if headers is None:
        return {}
    if isinstance(headers, Mapping):
        return dict(headers)
    if not isinstance(headers, str | os.PathLike):
        raise FormatError(
            f"headers={headers!r}: expected a mapping of names to bytes, as {{'inline': 9}}, or "
            "the path of a YAML file that holds one"
        )
    return _read_yaml(Path(headers))


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingFileError(
            f"{path}: no such file; expected a YAML mapping of header fields to bytes"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as a YAML mapping: {error}") from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise FormatError(
                f"{path}, line {node.start_mark.line + 1}: expected a mapping of header fields to "
                "bytes, a line each as `inline: 189`"
            )
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(loader.construct_object(key, deep=True)), key.start_mark.line + 1
            if name in mapping:
                raise FormatError(
                    f"{path}, line {line}: {name!r} is already given in line {lines[name]}"
                )
            mapping[name] = loader.construct_object(value, deep=True)
            lines[name] = line
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f", line {mark.line + 1}" if mark else ""
        raise FormatError(f"{path}{at}: no valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise FormatError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    for name, place in mapping.items():
        try:
            _check_place(name, place)
        except FormatError as error:
            raise FormatError(f"{path}, line {lines[name]}: {error}") from None
    return mapping


def _check_place(name: str, place: Any) -> None:
    """What can be wrong with an entry whatever the file: here its line is known."""
    byte, kind = _byte_and_type(name, place)
    if kind is not None:
        _type(name, kind)
    if byte < 1:
        raise FormatError(f"headers: {name!r} is at byte {byte}; bytes count from 1")


def with_mapping(
    headers: Mapping[str, Any] | None,
    *,
    size: int = TRACE_HEADER_BYTES,
    standard: tuple[Field, ...] = TRACE_FIELDS,
) -> tuple[Field, ...]:
    """Trace header fields, changed by a user's mapping.

    Parameters
    ----------
    headers : mapping, optional
        Field name -> byte, ``(byte, type)`` or ``{"byte": …, "type": …}``:
        ``{"inline": (9, "int32"), "cdp_x": 73}``. Bytes count from 1 through all headers of a
        trace, so that additional headers begin at 241. Names of the cube (``inline``, ``channel``,
        ``receiver_x``, …) and of the standard are both understood; a place with a type under any
        other name makes a field of its own. Types are NumPy's numbers, and ``"ibm32"`` for IBM
        floats.
    size : int, default 240
        Bytes of a trace's headers.
    standard : tuple of Field, default TRACE_FIELDS
        Where the fields stand by themselves.

    Returns
    -------
    tuple of Field
        All standard fields and the user's own.

    Raises
    ------
    FormatError
        If a byte lies outside the headers, a name is unknown and has no type, or two names mean
        the same field.

    Examples
    --------
    >>> [f for f in with_mapping({"inline": 9}) if f.name == "inline_3d"]
    [Field(name='inline_3d', byte=9, dtype='i4')]
    """
    fields = {f.name: f for f in standard}
    given: dict[str, str] = {}
    for key, place in (headers or {}).items():
        field = _place(key, place, fields, size)
        if field.name in given:
            raise FormatError(
                f"headers: {given[field.name]!r} and {key!r} are the same field; give it once"
            )
        given[field.name] = key
        fields[field.name] = field
    return tuple(fields.values())


def _place(key: str, place: Any, fields: Mapping[str, Field], size: int) -> Field:
    """The field that one entry of a mapping gives."""
    if not isinstance(key, str) or not key:
        raise FormatError(f"headers: {key!r} is no name; expected a text such as 'inline'")
    name = CUBE_NAMES.get(key, key)
    byte, kind = _byte_and_type(key, place)
    if kind is None:
        if name not in fields:
            raise FormatError(
                f"headers: no field is called {key!r}; "
                f"{did_you_mean(key, [*fields, *CUBE_NAMES])}"
                f"For a field of your own give its type too: {{{key!r}: ({byte}, 'int32')}}"
            )
        dtype = fields[name].dtype.lstrip("<>")
    else:
        dtype = _type(key, kind)
    field = Field(name, byte, dtype)
    last = byte + field.stored.itemsize - 1
    if byte < 1 or last > size:
        raise FormatError(
            f"headers: {key!r} at bytes {byte}-{last} lies outside the trace header (1-{size})"
        )
    return field


def _byte_and_type(key: str, place: Any) -> tuple[int, Any]:
    wrong = FormatError(f"headers: {key!r} is {place!r}; expected {_PLACES}")
    if isinstance(place, Mapping):
        if "byte" not in place or not set(place) <= {"byte", "type"}:
            raise wrong
        byte, kind = place["byte"], place.get("type")
    elif isinstance(place, int | np.integer):
        byte, kind = place, None
    elif isinstance(place, tuple | list) and len(place) == 2:
        byte, kind = place
    else:
        raise wrong
    if isinstance(byte, bool) or not isinstance(byte, int | np.integer):
        raise wrong
    return int(byte), kind


def _type(key: str, kind: Any) -> str:
    if kind in _IBM_NAMES:
        return IBM
    try:
        dtype = np.dtype(kind)
    except (TypeError, ValueError):
        raise FormatError(
            f"headers: type {kind!r} of {key!r} is unknown; expected {_TYPES}"
        ) from None
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise FormatError(f"headers: type {kind!r} of {key!r} is not a number; expected {_TYPES}")
    return dtype.str.lstrip("<>|=")
