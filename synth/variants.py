"""More training pairs from given ones, simulated where they must be: flips and changed velocities.

Augmentations of images are wrong for seismic pairs where the gathers do not follow: OpenFWI's third
source stands at cell 34 of 0 to 69, so a model's mirror image is not recorded by mirrored gathers
alone. What cannot be copied is simulated with the scheme that the data were made with.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError, SurveyMismatchError
from seisgeo.synth.engines import engine_module
from seisgeo.synth.engines.preparation import check_grid
from seisgeo.synth.survey import Survey

__all__ = ["flip_pairs", "perturb_pairs"]


def flip_pairs(
    pairs: xr.Dataset,
    *,
    survey: Survey | None = None,
    engine: str = "openfwi",
    device: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Mirror models left to right, with the gathers that the same survey records over them.

    Shots that have a mirrored partner in the survey are copied from it with their receivers in
    reverse; the others are simulated over the mirrored models: for OpenFWI's survey the third of
    its five.

    Parameters
    ----------
    pairs : xarray.Dataset
        ``amplitude (sample, source, time, receiver)`` and ``velocity (sample, depth, x)`` in m/s,
        for instance real OpenFWI files, opened with :func:`xarray.open_dataset`; loaded whole.
    survey : Survey, optional
        What recorded them; by default the one that they carry, else OpenFWI's.
    engine : {"openfwi", "deepwave"}, default "openfwi"
        What the gathers were made with.
    device : str, optional
        By default CUDA where there is one.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Both variables, with the coordinates of `pairs`.

    Raises
    ------
    ConventionError
        If `pairs` has no gathers or no models.
    SurveyMismatchError
        If the gathers are not of the survey's shape.
    SimulationError
        If the models are not on the survey's grid, or the engine cannot simulate them.

    Notes
    -----
    The last sample of released OpenFWI gathers is unreliable; copied shots keep it as it is.

    Examples
    --------
    >>> import seisgeo as sg
    >>> models = sg.synth.draw_velocity("curvefault-a", 1, seed=0)
    >>> pairs = sg.synth.simulate(models, sg.synth.Survey.openfwi(), engine="openfwi")
    >>> flipped = sg.synth.flip_pairs(pairs)
    >>> bool((flipped.velocity[0, :, 0] == pairs.velocity[0, :, -1]).all())
    True
    """
    conventions.validate(pairs, "gathers")
    survey, velocity = _checked(pairs, survey)
    recorded = pairs["amplitude"].transpose("sample", "source", "time", "receiver").values
    velocity = np.ascontiguousarray(velocity[..., ::-1])
    amplitude = np.empty_like(recorded, dtype=np.float32)
    partners = [_mirrored(survey, shot) for shot in range(survey.n_sources)]
    for shot, partner in enumerate(partners):
        if partner:
            amplitude[:, shot] = recorded[:, partner[0]][..., partner[1]]
    alone = [shot for shot, partner in enumerate(partners) if not partner]
    if alone:
        part = dataclasses.replace(
            survey,
            source_x=tuple(survey.source_x[shot] for shot in alone),
            source_depth=tuple(survey.source_depth[shot] for shot in alone),
            receiver_x=tuple(survey.receiver_x[shot] for shot in alone),
            receiver_depth=tuple(survey.receiver_depth[shot] for shot in alone),
        )
        amplitude[:, alone] = engine_module(engine).simulate_array(
            velocity,
            part,
            device=device,
            max_velocity=_fastest(velocity),
            progress=progress,
        )
    return _like(pairs, velocity, amplitude, survey, engine, "flipped left to right")


def perturb_pairs(
    pairs: xr.Dataset,
    *,
    strength: float = 0.05,
    length: float = 100.0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    seed: int = 0,
    survey: Survey | None = None,
    engine: str = "openfwi",
    device: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Change velocities by smooth random factors, and simulate what is then recorded.

    Each model is multiplied by 1 + `strength` g, where g is a Gaussian random field of zero mean,
    unit variance and Gaussian correlation, then cut to `velocity_range`. Models of whole numbers
    stay so, as OpenFWI's do.

    Parameters
    ----------
    pairs : xarray.Dataset
        ``velocity (sample, depth, x)`` in m/s; gathers that it has are replaced.
    strength : float, default 0.05
        Standard deviation of the relative change, above 0 and below 0.5.
    length : float, default 100
        Distance (m) over which the correlation of the changes falls to exp(-1/2).
    velocity_range : (float, float), default (1500, 4500)
        Lowest and highest velocity (m/s), OpenFWI's by default.
    seed : int, default 0
        Sample i is changed by a random stream made of `seed` and i.
    survey, engine, device, progress
        As for :func:`flip_pairs`.

    Returns
    -------
    xarray.Dataset
        ``velocity`` and ``amplitude``, with the coordinates of `pairs`.

    Raises
    ------
    ParameterError
        If `strength` or `length` is out of range.
    SimulationError
        If the models are not on the survey's grid, or the engine cannot simulate them.

    Examples
    --------
    >>> import seisgeo as sg
    >>> models = sg.synth.draw_velocity("flatvel-b", 1, seed=0)
    >>> changed = sg.synth.perturb_pairs(models, strength=0.03)
    >>> dict(changed.amplitude.sizes)
    {'sample': 1, 'source': 5, 'time': 1000, 'receiver': 70}
    """
    if not 0 < strength < 0.5:
        raise ParameterError(f"strength must be above 0 and below 0.5, found {strength}")
    if not length > 0:
        raise ParameterError(f"length must be above 0 m, found {length}")
    survey, velocity = _checked(pairs, survey)
    cells = length / survey.grid_spacing
    changed = np.empty_like(velocity)
    for i, model in enumerate(velocity):
        field = _random_field(np.random.default_rng([seed, i]), model.shape, cells)
        changed[i] = np.clip(model * (1 + strength * field), *velocity_range)
        if (model == np.rint(model)).all():
            changed[i] = np.rint(changed[i])
    amplitude = engine_module(engine).simulate_array(
        changed, survey, device=device, max_velocity=_fastest(changed), progress=progress
    )
    what = f"velocity changed by {strength:g} over {length:g} m, seed {seed}"
    return _like(pairs, changed, amplitude, survey, engine, what)


def _checked(pairs: xr.Dataset, survey: Survey | None) -> tuple[Survey, np.ndarray]:
    conventions.validate(pairs, "velocity")
    if survey is None:
        survey = Survey.from_attrs(pairs) if "survey" in pairs.attrs else Survey.openfwi()
    check_grid(pairs["velocity"], survey)
    if "amplitude" in pairs:
        expected = {"source": survey.n_sources, "time": survey.nt, "receiver": survey.n_receivers}
        found = {dim: pairs["amplitude"].sizes.get(dim) for dim in expected}
        if found != expected:
            raise SurveyMismatchError(
                f"the gathers have {found}, the survey has {expected}: pass the survey that "
                "recorded them, survey=..."
            )
    velocity = pairs["velocity"].transpose("sample", "depth", "x").values.astype(np.float32)
    return survey, velocity


def _fastest(velocity: np.ndarray) -> float:
    return max(4500.0, float(velocity.max()))


def _mirrored(survey: Survey, shot: int) -> tuple[int, np.ndarray] | None:
    """Shot that is the mirror image of `shot`, and its receivers in the order of `shot`'s."""
    width = (survey.model_shape[1] - 1) * survey.grid_spacing
    spread = np.column_stack([survey.receiver_x[shot], survey.receiver_depth[shot]])
    near = 1e-3 * survey.grid_spacing
    for other in range(survey.n_sources):
        across = width - survey.source_x[other] - survey.source_x[shot]
        if max(abs(across), abs(survey.source_depth[other] - survey.source_depth[shot])) > near:
            continue
        mirror = np.column_stack(
            [width - np.array(survey.receiver_x[other]), survey.receiver_depth[other]]
        )
        apart = np.abs(spread[:, None] - mirror[None]).max(axis=-1)
        order = apart.argmin(axis=1)
        if (apart.min(axis=1) <= near).all():
            return other, order
    return None


def _random_field(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> np.ndarray:
    """Gaussian field of unit variance whose correlation is exp(-d^2 / (2 length^2))."""
    from scipy.ndimage import gaussian_filter

    # White noise filtered with a Gaussian of width s correlates over s sqrt(2).
    width = length / np.sqrt(2)
    margin = int(np.ceil(4 * width))
    noise = gaussian_filter(rng.normal(size=[n + 2 * margin for n in shape]), width)
    impulse = np.zeros(2 * margin + 1)
    impulse[margin] = 1
    scale = (gaussian_filter(impulse, width) ** 2).sum()  # variance left along one axis
    return noise[margin:-margin, margin:-margin] / scale


def _like(
    pairs: xr.Dataset,
    velocity: np.ndarray,
    amplitude: np.ndarray,
    survey: Survey,
    engine: str,
    what: str,
) -> xr.Dataset:
    coords = {k: v for k, v in survey.coords().items() if k not in pairs.coords}
    result = xr.Dataset(
        {
            "amplitude": (("sample", "source", "time", "receiver"), amplitude),
            "velocity": (("sample", "depth", "x"), velocity),
        },
        coords=pairs.coords,
        attrs=pairs.attrs,
    ).assign_coords(coords)
    result.attrs |= conventions.provenance(
        engine=engine,
        scheme=engine_module(engine).plan(survey, _fastest(velocity))["scheme"],
        survey=survey.to_json(),
        variant=what,
    )
    return conventions.describe(result)
