"""Wave simulation with Deepwave (https://github.com/ar4/deepwave): scalar, acoustic, elastic."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seisgeo.devices import default_device, one_thread
from seisgeo.errors import ParameterError, SimulationError
from seisgeo.synth.engines.batches import gathered, in_batches
from seisgeo.synth.engines.preparation import check_materials, check_velocity
from seisgeo.synth.survey import Survey
from seisgeo.synth.wavelets import preroll, source_signature

if TYPE_CHECKING:
    import torch

__all__ = ["check_physics", "plan", "propagate", "simulate_array", "simulate_batches"]

#: Finite-difference order in space.
ACCURACY: Final = 4
#: Courant numbers of the wave equations: the scalar scheme's limit is 0.866, the staggered
#: grid's 0.857.
COURANT: Final = {"scalar": 0.85, "acoustic": 0.8, "elastic": 0.8}
#: Fastest wave that the time step is made for, in velocities of the fastest model. Where material
#: varies, Deepwave's bound of stability counts the stiffest with the lightest of its cells.
HEADROOM: Final = {"scalar": 1.0, "acoustic": 1.1, "elastic": 1.7}
PML_CELLS = 20
HICKS_HALF_WIDTH = 4
#: Cells of a model along each axis, at least: the finite-difference stencil and its mirror.
MIN_CELLS = 8


def simulate_array(
    velocity: np.ndarray,
    survey: Survey,
    *,
    density: np.ndarray | None = None,
    vs: np.ndarray | None = None,
    component: str = "pressure",
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> np.ndarray:
    """Array form of :func:`seisgeo.synth.simulate` with ``engine="deepwave"``.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x) or (sample, depth, y, x).
    survey : Survey
        Positions, wavelet and sampling.
    density : numpy.ndarray, optional
        Densities (kg/m3), shaped like `velocity`: acoustic waves.
    vs : numpy.ndarray, optional
        Shear velocities (m/s), with `density`: elastic waves.
    component, device, batch_size, max_velocity, progress
        As for :func:`seisgeo.synth.simulate`.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).

    Warns
    -----
    DataWarning
        If the GPU's memory holds fewer models than `batch_size`: how many were taken.
    """
    batches = simulate_batches(
        velocity,
        survey,
        density=density,
        vs=vs,
        component=component,
        device=default_device(device),
        batch_size=batch_size,
        max_velocity=max_velocity,
    )
    return gathered(batches, len(velocity), survey, progress=progress)


def simulate_batches(
    velocity: np.ndarray,
    survey: Survey,
    *,
    density: np.ndarray | None = None,
    vs: np.ndarray | None = None,
    component: str = "pressure",
    device: str,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
) -> Iterator[torch.Tensor]:
    """Gathers batch by batch, tensors that stay on the device.

    Parameters
    ----------
    velocity, survey, density, vs, component, batch_size, max_velocity
        As for :func:`simulate_array`.
    device : str
        Where to simulate.

    Yields
    ------
    torch.Tensor
        Gathers, float32, shape (model, source, time, receiver).
    """
    import torch

    physics = _physics_of(density, vs)
    check_physics(physics, component, survey)
    check_velocity(velocity, survey, max_velocity, slowest=vs)
    check_materials(velocity, density=density, vs=vs)
    _check_survey(survey)

    def simulate(rows: slice) -> torch.Tensor:
        fields = [
            None if m is None else torch.as_tensor(m[rows], dtype=torch.float32, device=device)
            for m in (velocity, density, vs)
        ]
        # Two threads of Deepwave's are many times slower than one as soon as anything else runs;
        # many models are simulated in parallel by processes instead.
        with torch.no_grad(), one_thread() if device == "cpu" else contextlib.nullcontext():
            return propagate(
                fields[0],  # type: ignore[arg-type]
                survey,
                density=fields[1],
                vs=fields[2],
                component=component,
                max_velocity=max_velocity,
            )

    batch = batch_size or (1 if device == "cpu" else 64)
    return in_batches(simulate, len(velocity), batch, device=device, survey=survey)


def plan(survey: Survey, max_velocity: float = 4500.0, physics: str = "scalar") -> dict[str, Any]:
    """Numerical settings of a simulation, before it runs.

    Parameters
    ----------
    survey : Survey
        The survey.
    max_velocity : float, default 4500
        Highest velocity of any model (m/s).
    physics : {"scalar", "acoustic", "elastic"}, default "scalar"
        The wave equation.

    Returns
    -------
    dict
        ``scheme`` (a sentence), ``step_ratio`` (internal time steps for each sample),
        ``internal_dt`` (s) and ``preroll`` (samples simulated before time zero, so that a wavelet
        that peaks there is whole).
    """
    # Stability: v dt sqrt(1/dx^2 + 1/dz^2 [+ 1/dy^2]) <= Courant number.
    ndim = len(survey.axes)
    fastest = HEADROOM[physics] * max_velocity
    limit = COURANT[physics] * survey.grid_spacing / (math.sqrt(ndim) * fastest)
    ratio = math.ceil(survey.dt / limit * (1 - 1e-9))
    return {
        "scheme": f"deepwave {physics}, {ndim}-D, accuracy {ACCURACY}, PML {PML_CELLS} cells, "
        f"{ratio} internal steps of {survey.dt / ratio * 1e3:.4g} ms a sample, "
        f"{'free' if survey.free_surface else 'absorbing'} surface",
        "step_ratio": ratio,
        "internal_dt": survey.dt / ratio,
        "preroll": preroll(survey),
        "max_velocity": max_velocity,
    }


def propagate(
    velocity: torch.Tensor,
    survey: Survey,
    *,
    density: torch.Tensor | None = None,
    vs: torch.Tensor | None = None,
    component: str = "pressure",
    max_velocity: float = 4500.0,
) -> torch.Tensor:
    """Simulate one batch of models on tensors, keeping gradients where the inputs ask for them.

    Parameters
    ----------
    velocity : torch.Tensor
        Models (m/s), shape (model, depth, x) or (model, depth, y, x), on any device.
    survey : Survey
        Positions, wavelet and sampling.
    density, vs : torch.Tensor, optional
        As for :func:`simulate_array`.
    component, max_velocity
        As for :func:`seisgeo.synth.simulate`.

    Returns
    -------
    torch.Tensor
        Gathers, shape (model, source, time, receiver). Nothing is checked:
        :func:`simulate_array` does that.

    Examples
    --------
    >>> import torch, dataclasses
    >>> from seisgeo.synth import Survey
    >>> survey = dataclasses.replace(Survey.openfwi(), nt=200)
    >>> velocity = torch.full((1, 70, 70), 2000.0, requires_grad=True)
    >>> propagate(velocity, survey).square().sum().backward()
    >>> velocity.grad.shape
    torch.Size([1, 70, 70])
    """
    import deepwave
    import torch

    physics = _physics_of(density, vs)
    settings = plan(survey, max_velocity, physics)
    n, shots, device = len(velocity), survey.n_sources, velocity.device
    ndim, before = len(survey.axes), settings["preroll"]
    free = survey.free_surface
    # The free surface lies at depth 0. Deepwave's scalar one is a mirror plane one cell above the
    # first row, so that row 0 of its grid is the model's row 1; the acoustic one lies on row 0;
    # the elastic one lies between rows of vacuum and the first row below.
    top, shift = {
        "scalar": (1, -1.0),
        "acoustic": (0, 0.0),
        "elastic": (0, HICKS_HALF_WIDTH - 0.5),
    }[physics]
    if not free:
        top, shift = 0, 0.0
    elastic_surface = free and physics == "elastic"
    if elastic_surface:
        boundary, width = None, [0] + [PML_CELLS] * (2 * ndim - 1)
    else:
        boundary, width = deepwave.boundaries(ndim, top="free" if free else "pml", width=PML_CELLS)

    # Positions off the grid are interpolated over the cells around them (Hicks, 2002). Near an
    # absorbing edge those cells are missing: repeat the edge, as the absorbing layer does anyway.
    between = _off_grid(survey) or elastic_surface or component != "pressure"
    pad = HICKS_HALF_WIDTH if between else 0
    above = 0 if free else pad
    sides = [pad] * (2 * (ndim - 1)) + [above, pad]

    def grid(values: torch.Tensor) -> torch.Tensor:
        """One model for each shot, laid out as Deepwave wants it."""
        padded = torch.nn.functional.pad(values[:, None, top:], sides, mode="replicate")[:, 0]
        if elastic_surface:
            vacuum = [0, 0] * (ndim - 1) + [HICKS_HALF_WIDTH, 0]
            padded = torch.nn.functional.pad(padded, vacuum)
        return padded.repeat_interleave(shots, dim=0)

    def cells(positions: np.ndarray, quantity: str = "pressure") -> Any:
        located = positions / survey.grid_spacing + pad
        located[..., 0] += above - pad + shift
        tensor = torch.as_tensor(located, dtype=torch.float32, device=device)
        tensor = tensor.reshape(shots, -1, ndim).repeat(n, 1, 1)
        if not between or physics == "scalar":
            return tensor
        # At a free surface pressure is odd; velocity is taken for even there.
        odd = quantity == "pressure"
        faces = [free] + [False] * (2 * ndim - 1)
        stagger = [0.5 if axis == quantity else 0.0 for axis in survey.axes]
        return deepwave.Hicks(
            tensor,
            HICKS_HALF_WIDTH,
            free_surfaces=faces if odd else None,
            rigid_surfaces=None if odd else faces,
            free_surface_locs=[shift] * (2 * ndim),
            model_shape=list(model.shape[1:]),
            offset=stagger,
        )

    def amplitudes(signature: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(signature, dtype=torch.float32, device=device).expand(
            n * shots, 1, -1
        )

    signature = source_signature(survey, before)
    if physics == "elastic":
        # A solid keeps what a source leaves behind: without this, the little that cutting the
        # wavelet takes from its sum would press on the source's surroundings ever more.
        emitted = signature != 0
        signature[emitted] -= signature[emitted].mean()
    # A rate of injection whose time derivative is the signature of the scalar equation. It acts
    # half an internal step after its sample.
    rate = (np.cumsum(signature) - 0.5 * signature) * survey.dt
    rate += 0.5 * settings["internal_dt"] * signature
    model = grid(velocity)
    sources = cells(survey.source_positions)
    receivers = cells(survey.receiver_positions, component)
    shared: dict[str, Any] = {
        "accuracy": ACCURACY,
        "pml_width": width,
        "pml_freq": survey.peak_frequency,
        "max_vel": HEADROOM[physics] * max_velocity,
        "courant_number": COURANT[physics],
    }
    if boundary is not None:
        shared["boundary"] = boundary
    names = dict(zip(survey.axes, "zyx" if ndim == 3 else "yx", strict=True))
    channel = "p" if component == "pressure" else names[component]
    with warnings.catch_warnings(), _stable(physics, max_velocity):
        # Notes for users of older releases of Deepwave, who had other defaults.
        warnings.simplefilter("ignore", deepwave.MigrationWarning)
        # Meant for runs whose first row is rock: here it is the vacuum of a free surface.
        warnings.simplefilter("ignore", deepwave.ZeroWidthFaceWarning)
        if physics == "scalar":
            # Deepwave injects -v^2 dt^2 f; the negated wavelet gives p'' = v^2 (laplacian p + f).
            result = deepwave.scalar(
                model,
                survey.grid_spacing,
                survey.dt,
                source_amplitudes=-amplitudes(signature),
                source_locations=sources,
                receiver_locations=receivers,
                **shared,
            )
            record = result.receiver_amplitudes
        elif physics == "acoustic":
            rho = grid(density)  # type: ignore[arg-type]
            at_source = _at_sources(density, survey)  # type: ignore[arg-type]
            result = deepwave.acoustic(
                model,
                rho,
                survey.grid_spacing,
                survey.dt,
                sources={"volume_rate": (amplitudes(rate) / at_source, sources)},
                receivers={channel: receivers},
                **shared,
            )
            record = getattr(result, f"receiver_amplitudes_{channel}")
        else:
            stiffness = deepwave.vpvsrho_to_lambmubuoyancy(
                model,
                grid(vs),  # type: ignore[arg-type]
                grid(density),  # type: ignore[arg-type]
            )
            at_source = _at_sources(velocity, survey) ** 2
            result = deepwave.elastic(
                *stiffness,
                survey.grid_spacing,
                survey.dt,
                sources={"pressure_rate": (amplitudes(rate) * at_source, sources)},
                receivers={channel: receivers},
                **shared,
            )
            record = getattr(result, f"receiver_amplitudes_{channel}")
    ratio = result.info.step_ratio
    if ratio != settings["step_ratio"]:
        raise SimulationError(
            f"Deepwave took {ratio} internal steps a sample where {settings['step_ratio']} were "
            "planned; this version of Deepwave has another stability rule"
        )
    if component != "pressure":
        # Particle velocity stands half an internal step early: one term of Taylor's series.
        record = record + 0.5 / ratio * torch.gradient(record, dim=-1)[0]
    record = record[..., before:]
    return record.reshape(n, shots, survey.n_receivers, survey.nt).transpose(2, 3)


@contextlib.contextmanager
def _stable(physics: str, max_velocity: float) -> Iterator[None]:
    """Say what to pass where Deepwave's bound of stability is beyond the planned time step."""
    import deepwave

    try:
        yield
    except deepwave.DeepwaveValueError as error:
        if not str(error).startswith("max_vel="):
            raise
        raise SimulationError(
            f"{physics} waves: stiffness and density vary too strongly for the time step that "
            f"max_velocity={max_velocity:g} gives; pass max_velocity={1.5 * max_velocity:g}"
        ) from error


def _at_sources(values: torch.Tensor, survey: Survey) -> torch.Tensor:
    """Values of each model at the nearest cell of each source, shape (model * source, 1, 1)."""
    nearest = np.rint(survey.source_positions / survey.grid_spacing).astype(int)
    return values[:, *nearest.T].reshape(-1, 1, 1)


def _physics_of(density: Any, vs: Any) -> str:
    if vs is not None and density is None:
        raise ParameterError("elastic waves need density beside vs")
    return "elastic" if vs is not None else "acoustic" if density is not None else "scalar"


def check_physics(physics: str, component: str, survey: Survey) -> None:
    """Refuse wave equations and recorded quantities that this engine does not have."""
    if physics not in COURANT:
        raise ParameterError(f"physics={physics!r}: expected one of {', '.join(COURANT)}")
    allowed = ("pressure",) if physics == "scalar" else ("pressure", *survey.axes)
    if component not in allowed:
        raise ParameterError(
            f"component={component!r}: {physics} waves of a {len(survey.axes)}-D survey have "
            f"{', '.join(allowed)}"
        )


def _check_survey(survey: Survey) -> None:
    """Refuse grids smaller than the stencil, and receivers that Deepwave cannot tell apart."""
    if min(survey.model_shape) < MIN_CELLS:
        raise SimulationError(
            f"the model has {' x '.join(map(str, survey.model_shape))} cells; the finite "
            f"differences need {MIN_CELLS} along each axis: use a smaller grid_spacing"
        )
    for shot, spread in enumerate(survey.receiver_positions):
        cells = np.round(spread / survey.grid_spacing, 3)
        _, first, number = np.unique(cells, axis=0, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[number.ravel()] != np.arange(len(cells)))
        if again.size:
            raise SimulationError(
                f"receivers {first[number.ravel()[again[0]]]} and {again[0]} of source {shot} "
                f"stand at the same place, {', '.join(survey.axes)} "
                f"{', '.join(f'{p:g}' for p in spread[again[0]])} m: keep one of them"
            )


def _off_grid(survey: Survey) -> bool:
    positions = np.concatenate([survey.source_positions.ravel(), survey.receiver_positions.ravel()])
    cells = positions / survey.grid_spacing
    return bool((np.abs(cells - cells.round()) > 1e-3).any())
