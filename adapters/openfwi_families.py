"""What is published about the OpenFWI families: value ranges, statistics, train/test files.

Source: Deng et al., "OpenFWI: Large-scale multi-structural benchmark datasets for full waveform
inversion" (https://arxiv.org/abs/2111.02926), and ``dataset_config.json`` and ``split_files/`` of
https://github.com/lanl/OpenFWI.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from seisgeo.conventions import ATTRS
from seisgeo.errors import ConventionError, FormatError

__all__ = [
    "FAMILIES",
    "Family",
    "canonical_family",
    "denormalize",
    "denormalize_velocity",
    "file_split",
    "normalize",
    "normalize_velocity",
]

Values = TypeVar("Values", np.ndarray, xr.DataArray)

#: Velocities (m/s) that the reference code maps to -1 and 1, for every family.
VELOCITY_LIMITS = (1500.0, 4500.0)


@dataclass(frozen=True)
class Family:
    """One OpenFWI family.

    Attributes
    ----------
    name : str
        Name as in lanl/OpenFWI's configuration, for instance ``"curvefault-b"``.
    data_min, data_max : float
        Smallest and largest raw amplitude; their signed logarithms are mapped to -1 and 1.
    velocity_mean, velocity_std : float
        Statistics of the velocity maps (m/s).
    prefixes : tuple of int
        First numbers of ``seis{p}_1_{i}.npy``; empty for families named ``data{n}.npy``.
    train, test : range
        Numbers n (or i) of the files of each split.
    """

    name: str
    data_min: float
    data_max: float
    velocity_mean: float
    velocity_std: float
    prefixes: tuple[int, ...]
    train: range
    test: range


def _table() -> dict[str, Family]:
    # name: (data min, data max, velocity mean, velocity std)
    rows = {
        "flatvel-a": (-26.95, 52.77, 2782, 786),
        "flatvel-b": (-27.17, 56.05, 3001, 867),
        "curvevel-a": (-27.11, 55.10, 2788, 794),
        "curvevel-b": (-29.04, 57.03, 3001, 865),
        "flatfault-a": (-26.10, 50.86, 3089, 855),
        "flatfault-b": (-24.86, 50.28, 3055, 876),
        "curvefault-a": (-26.48, 52.32, 3083, 852),
        "curvefault-b": (-24.93, 50.98, 3036, 891),
        "style-a": (-24.96, 48.93, 2729, 666),
        "style-b": (-23.76, 46.01, 2837, 638),
    }
    table = {}
    for name, values in rows.items():
        prefixes: tuple[int, ...] = ()
        if "fault" in name:
            prefixes = (2, 3, 4) if name.endswith("-a") else (6, 7, 8)
            train, test = range(32), range(32, 36)
        elif "style" in name:
            train, test = range(1, 121), range(121, 135)
        else:
            train, test = range(1, 49), range(49, 61)
        table[name] = Family(name, *values, prefixes, train, test)
    return table


#: The ten two-dimensional families, by name.
FAMILIES: dict[str, Family] = _table()

_BARE = {re.sub(r"[^a-z]", "", name): name for name in FAMILIES}


def canonical_family(name: str) -> str:
    """Name of a family as lanl/OpenFWI's configuration spells it.

    Parameters
    ----------
    name : str
        Any usual spelling: ``"CurveFault_B"``, ``"CurveFault-B"``, ``"curvefault-b"``.

    Returns
    -------
    str
        For instance ``"curvefault-b"``; a name that is not OpenFWI's comes back unchanged.

    Examples
    --------
    >>> canonical_family("CurveFault_B")
    'curvefault-b'
    """
    return _BARE.get(re.sub(r"[^a-z]", "", name.lower()), name)


def _facts(name: str) -> Family:
    family = canonical_family(name)
    if family not in FAMILIES:
        raise ConventionError(f"unknown OpenFWI family {name!r}; known: {', '.join(FAMILIES)}")
    return FAMILIES[family]


def file_split(path: str, family: str = "") -> str:
    """Published split that a file belongs to.

    OpenFWI is split by file: samples of one file are related, so a split by sample leaks.

    Parameters
    ----------
    path : str
        A seismic or velocity file; its name decides.
    family : str, optional
        Its family. Files named ``data{n}`` need it, because the Vel and the Style families are
        cut at different numbers.

    Returns
    -------
    str
        ``"train"`` or ``"test"``.

    Raises
    ------
    FormatError
        If the name or its number is in neither split, or the family is needed and not known.

    Examples
    --------
    >>> file_split("seis2_1_33.npy")
    'test'
    >>> file_split("data60.npy", "FlatVel_A"), file_split("data60.npy", "Style_A")
    ('test', 'train')
    """
    known = FAMILIES.get(canonical_family(family))
    stem = re.split(r"[\\/]", path)[-1].removesuffix(".npy")
    if match := re.fullmatch(r"(?:seis|vel)(\d+)_1_(\d+)", stem):
        prefix, number = int(match[1]), int(match[2])
        same = [f for f in FAMILIES.values() if prefix in f.prefixes]
        rule = known if known and known.prefixes else same[0] if same and not known else None
        found = number if rule and prefix in rule.prefixes else None
    elif match := re.fullmatch(r"(?:data|model)(\d+)", stem):
        if known is None:
            raise FormatError(
                f"{path}: cannot tell whether this file is for training or testing without its "
                "family (the Vel families are cut after file 48, Style after 120); pass "
                "family='flatvel-a' or another name"
            )
        rule = None if known.prefixes else known
        found = int(match[1])
    else:
        rule, found = None, None
    if rule and found in rule.train:
        return "train"
    if rule and found in rule.test:
        return "test"
    raise FormatError(
        f"{path}: its number is in neither of OpenFWI's published splits: expected "
        f"{_numbering(known)}; open it with split=None and split by file yourself"
    )


def _numbering(family: Family | None) -> str:
    if family is None:
        return "seis{2,3,4,6,7,8}_1_{0..35}.npy, or data{1..}.npy of a known family"
    first, last = family.train.start, family.test.stop - 1
    if family.prefixes:
        prefixes = ",".join(map(str, family.prefixes))
        return f"seis{{{prefixes}}}_1_{{{first}..{last}}}.npy for {family.name}"
    return f"data{{{first}..{last}}}.npy for {family.name}"


def normalize(amplitude: Values, family: str) -> Values:
    """Amplitudes as the published networks see them: signed logarithm, then [-1, 1].

    ``sign(x) log1p(|x|)``, then the family's smallest and largest raw amplitude, taken through the
    same logarithm, are mapped to -1 and 1. Amplitudes beyond them fall outside; nothing is clipped.

    Parameters
    ----------
    amplitude : ndarray or DataArray
        Raw amplitudes, any shape; it is not changed. A lazy DataArray stays lazy.
    family : str
        An OpenFWI family, in any usual spelling.

    Returns
    -------
    ndarray or DataArray
        The same shape, no unit.

    Raises
    ------
    ConventionError
        If the family is not one of :data:`FAMILIES`.

    References
    ----------
    arXiv 2111.02926; ``transforms.py`` and ``dataset_config.json`` of lanl/OpenFWI,
    whose own min-max works in place, so that values it caches are wrong from the second access.

    Examples
    --------
    >>> import numpy as np
    >>> normalize(np.array([-26.95, 52.77]), "flatvel-a").round(6)
    array([-1.,  1.])
    """
    low, high = _log_limits(family)

    def forward(x: np.ndarray) -> np.ndarray:
        return (np.sign(x) * np.log1p(np.abs(x)) - low) * (2 / (high - low)) - 1

    return _apply(forward, amplitude, {"units": "1", "long_name": "normalized amplitude"})


def denormalize(amplitude: Values, family: str) -> Values:
    """Undo :func:`normalize`.

    Parameters
    ----------
    amplitude : ndarray or DataArray
        Normalized amplitudes, any shape; it is not changed. A lazy DataArray stays lazy.
    family : str
        The family that they were normalized with.

    Returns
    -------
    ndarray or DataArray
        Raw amplitudes.

    Raises
    ------
    ConventionError
        If the family is not one of :data:`FAMILIES`.

    Examples
    --------
    >>> import numpy as np
    >>> denormalize(np.array([-1.0, 1.0]), "flatvel-a").round(6)
    array([-26.95,  52.77])
    """
    low, high = _log_limits(family)

    def inverse(y: np.ndarray) -> np.ndarray:
        logarithm = (y + 1) * ((high - low) / 2) + low
        return np.sign(logarithm) * np.expm1(np.abs(logarithm))

    return _apply(inverse, amplitude, ATTRS["amplitude"])


def normalize_velocity(velocity: Values) -> Values:
    """Velocities of 1500 to 4500 m/s to [-1, 1], so that an error of 1 is 1500 m/s.

    Parameters
    ----------
    velocity : ndarray or DataArray
        Velocities (m/s), any shape; it is not changed. A lazy DataArray stays lazy.

    Returns
    -------
    ndarray or DataArray
        The same shape, no unit.

    References
    ----------
    arXiv 2111.02926; ``label_min`` and ``label_max`` in lanl/OpenFWI's ``dataset_config.json``.

    Examples
    --------
    >>> import numpy as np
    >>> normalize_velocity(np.array([1500.0, 3000.0, 4500.0]))
    array([-1.,  0.,  1.])
    """
    low, high = VELOCITY_LIMITS
    attrs = {"units": "1", "long_name": "normalized P-wave velocity"}
    return _apply(lambda v: (v - low) * (2 / (high - low)) - 1, velocity, attrs)


def denormalize_velocity(velocity: Values) -> Values:
    """Undo :func:`normalize_velocity`.

    Parameters
    ----------
    velocity : ndarray or DataArray
        Normalized velocities, any shape; it is not changed. A lazy DataArray stays lazy.

    Returns
    -------
    ndarray or DataArray
        Velocities (m/s).

    Examples
    --------
    >>> import numpy as np
    >>> denormalize_velocity(np.array([-1.0, 0.0, 1.0]))
    array([1500., 3000., 4500.])
    """
    low, high = VELOCITY_LIMITS
    return _apply(lambda y: (y + 1) * ((high - low) / 2) + low, velocity, ATTRS["velocity"])


def _log_limits(family: str) -> tuple[float, float]:
    facts = _facts(family)
    return -float(np.log1p(-facts.data_min)), float(np.log1p(facts.data_max))


def _apply(function: Callable[[np.ndarray], np.ndarray], values: Any, attrs: dict[str, str]) -> Any:
    if isinstance(values, xr.DataArray):
        if not values.variable._in_memory:  # no public way to ask; dask arrays pass unchanged
            values = values.copy(deep=False, data=values.variable.chunk({}).data)
        return values.copy(deep=False, data=function(_float(values).data)).assign_attrs(attrs)
    return function(_float(np.asarray(values)))


def _float(values: Any) -> Any:
    # Half precision and integers lose digits in the logarithm; single and double stay as they are.
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
