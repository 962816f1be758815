"""The families of velocity models, by name.

The generator of OpenFWI (Deng et al., 2022, arXiv:2111.02926) was never released. What is known of
its maps is kept in the ten families of its names: mean and standard deviation of each, whole
numbers except in Style, constant rows in FlatVel, velocity that grows with depth in the A variants,
gentle structure in A and strong structure with more layers in B. Style follows the Gaussian process
that J. Cottaar fitted to the released maps (github.com/jcottaar/seismic, ``seis_prior.py``:
squared-exponential kernel, length 3.5 and 2.0 cells, standard deviation 183 and 158 m/s, trend of
31 m/s a row). The released Fault files are called ``vel{2,3,4}_…`` and ``vel{6,7,8}_…``, which are
taken as numbers of layers. The rest (relief, throw, dip, layers of the Vel families) was not
published and is our choice, made to look like the figures of the paper.

The other families are what field data need and OpenFWI lacks:

================  ==================================================================
``compaction``    velocity that rises with depth, with fractal heterogeneity, no layers
``folded``        many layers, folded
``unconformity``  flat layers above tilted, folded and eroded ones
``listric``       growth faults that flatten into a detachment, with roll-over
``crossfault``    pairs of normal faults that cross, with growth
``channel``       stacks of channels, cut and filled
``salt``          a salt diapir with a rugose top and overhangs
``plume``         gas or CO2 under seals, with flat contacts
``marine``        water above a sloping, eroded floor; faults, an unconformity, channels
``land``          a weathering layer of uneven thickness above folds and faults
================  ==================================================================

Lengths are fractions of the depth of the model and velocities are fractions of the velocity range,
so that a family looks alike on any grid; OpenFWI's own grid is 70 x 70 cells of 10 m with
velocities of 1500 to 4500 m/s. Only what has a velocity or a thickness of its own (water, salt, the
weathering layer) is given in m/s and m.
"""

from __future__ import annotations

import difflib
import os
from typing import Any, Protocol

import numpy as np

from seisgeo.errors import MissingFileError, SimulationError
from seisgeo.synth.geology.bodies import Channels, Plume
from seisgeo.synth.geology.earth import EarthFamily
from seisgeo.synth.geology.grid import Grid
from seisgeo.synth.geology.layered import LayeredFamily
from seisgeo.synth.geology.salt import Salt
from seisgeo.synth.geology.strata import Heterogeneity, Strata
from seisgeo.synth.geology.structure import Faults, Folds, ListricFaults, Unconformity
from seisgeo.synth.geology.style import StyleFamily
from seisgeo.synth.geology.surface import Water, Weathering

__all__ = ["FAMILIES", "OPENFWI_FAMILIES", "Family", "canonical_family", "family_label"]


class Family(Protocol):
    """What velocity models are drawn from."""

    def section(self, rng: np.random.Generator, grid: Grid) -> np.ndarray:
        """Draw one model: velocity (m/s), broadcastable to the grid's shape."""
        ...


_GENTLE_FOLDS = Folds(relief=(0.01, 0.05), wavelength=(1.0, 2.5))

_VEL_A: dict[str, Any] = {"layers": (3, 8), "increasing": True, "min_thickness": 0.06}
_VEL_B: dict[str, Any] = {"layers": (3, 8), "increasing": False, "min_thickness": 0.06}
_FAULT_A: dict[str, Any] = {
    "layers": (2, 4),
    "increasing": True,
    "min_thickness": 0.12,
    "min_contrast": 0.08,
    "faults": (1, 1),
    "throw": (0.08, 0.25),
    "dip": (45.0, 80.0),
}
_FAULT_B: dict[str, Any] = {
    "layers": (6, 8),
    "increasing": False,
    "min_thickness": 0.06,
    "faults": (1, 3),
    "throw": (0.12, 0.35),
    "dip": (35.0, 80.0),
}
_GENTLE: dict[str, Any] = {"relief": (0.04, 0.12), "wavelength": (0.9, 1.8)}
_STRONG: dict[str, Any] = {"relief": (0.14, 0.32), "wavelength": (0.5, 1.0)}

#: Parameters of each family, by name.
FAMILIES: dict[str, Family] = {
    "flatvel-a": LayeredFamily(mean=0.412, std=0.255, **_VEL_A),
    "flatvel-b": LayeredFamily(mean=0.500, std=0.287, **_VEL_B),
    "curvevel-a": LayeredFamily(mean=0.415, std=0.255, **_VEL_A, **_GENTLE),
    "curvevel-b": LayeredFamily(mean=0.500, std=0.287, **_VEL_B, **_STRONG),
    "flatfault-a": LayeredFamily(mean=0.530, std=0.275, **_FAULT_A),
    "flatfault-b": LayeredFamily(mean=0.518, std=0.291, **_FAULT_B),
    "curvefault-a": LayeredFamily(mean=0.530, std=0.275, **_FAULT_A, **_GENTLE),
    "curvefault-b": LayeredFamily(mean=0.512, std=0.295, **_FAULT_B, **_STRONG),
    # OpenFWI's numbers come in cells of 70 and in m/s of a range of 3000 m/s.
    "style-a": StyleFamily(
        mean=0.410,
        trend=31.4 * 70 / 3000,
        trend_std=0.05,
        offset_std=0.03,
        std=185 / 3000,
        length=3.5 / 70,
    ),
    "style-b": StyleFamily(
        mean=0.446,
        trend=30.2 * 70 / 3000,
        trend_std=0.05,
        offset_std=0.03,
        std=158 / 3000,
        length=2.0 / 70,
    ),
    "compaction": EarthFamily(
        strata=Strata(contrast=(0.0, 0.0)),
        heterogeneity=Heterogeneity(std=(0.03, 0.06), length=(0.08, 0.3)),
    ),
    "folded": EarthFamily(events=(Folds(relief=(0.04, 0.15), wavelength=(0.8, 1.8)),)),
    "unconformity": EarthFamily(events=(_GENTLE_FOLDS, Unconformity())),
    "listric": EarthFamily(events=(ListricFaults(number=(1, 2), throw=(0.1, 0.25)), _GENTLE_FOLDS)),
    "crossfault": EarthFamily(
        events=(
            Faults(
                number=(2, 3),
                throw=(0.06, 0.18),
                dip=(50.0, 70.0),
                normal=1.0,
                conjugate=True,
                quiet=(0.05, 0.2),
            ),
            _GENTLE_FOLDS,
        )
    ),
    "channel": EarthFamily(events=(_GENTLE_FOLDS,), bodies=(Channels(),)),
    "salt": EarthFamily(events=(_GENTLE_FOLDS,), bodies=(Salt(),)),
    "plume": EarthFamily(
        strata=Strata(contrast=(0.03, 0.06)),
        events=(_GENTLE_FOLDS,),
        bodies=(Plume(),),
    ),
    "marine": EarthFamily(
        strata=Strata(top=(0.05, 0.12), bottom=(0.55, 0.8)),
        events=(
            Faults(
                number=(1, 3),
                throw=(0.03, 0.1),
                dip=(45.0, 65.0),
                normal=1.0,
                quiet=(0.1, 0.3),
            ),
            _GENTLE_FOLDS,
            Unconformity(depth=(0.4, 0.65)),
        ),
        bodies=(Channels(number=(0, 1), depth=(0.05, 0.3)),),
        water=Water(),
    ),
    "land": EarthFamily(
        strata=Strata(top=(0.1, 0.25), bottom=(0.75, 0.95)),
        events=(
            Faults(number=(0, 2), throw=(0.04, 0.15), dip=(45.0, 75.0)),
            Folds(relief=(0.03, 0.1), wavelength=(0.9, 2.0)),
        ),
        weathering=Weathering(),
    ),
}

#: OpenFWI's ten two-dimensional families.
OPENFWI_FAMILIES: tuple[str, ...] = tuple(
    name for name, family in FAMILIES.items() if not isinstance(family, EarthFamily)
)


def canonical_family(family: str | os.PathLike[str]) -> str:
    """Name of a family as :data:`FAMILIES` spells it.

    Parameters
    ----------
    family : str
        In any usual spelling: ``curvefault-b``, ``CurveFault_B``. A file that exists is its own
        name: it is a family of its crops (:func:`crop_velocity`).

    Raises
    ------
    SimulationError
        If there is no such family; the message names the nearest.
    MissingFileError
        If a file is named that is not there.

    Examples
    --------
    >>> canonical_family("CurveFault_B")
    'curvefault-b'
    """
    name = str(family).strip().lower().replace("_", "-")
    if name not in FAMILIES:
        if os.path.exists(family):
            return os.fspath(family)
        if not isinstance(family, str) or os.sep in family or os.path.splitext(family)[1]:
            raise MissingFileError(f"{os.fspath(family)}: no such file of velocities")
        close = difflib.get_close_matches(name, FAMILIES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SimulationError(
            f"unknown velocity family {family!r}.{hint} Known: {', '.join(FAMILIES)}; "
            "or a file of velocities"
        )
    return name


def family_label(name: str) -> str:
    """What the models of a family are labelled with: its name, of a file without folder and suffix.

    Parameters
    ----------
    name : str
        As :func:`canonical_family` gives it.

    Examples
    --------
    >>> family_label("salt"), family_label("models/marmousi2.sgy")
    ('salt', 'marmousi2')
    """
    return name if name in FAMILIES else os.path.splitext(os.path.basename(name))[0]
