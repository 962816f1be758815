"""Usual surveys: OpenFWI's, land, streamer, ocean-bottom nodes, crosswell, VSP, areal."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from seisgeo.errors import ParameterError

__all__ = ["MARGIN_CELLS", "StandardSpreads", "place", "usual_grid_spacing"]

#: Cells for each wavelength of the peak frequency at the lowest velocity; with the fourth-order
#: stencil this keeps the error of the phase velocity under 2 % up to 1.6 times the peak frequency.
CELLS_PER_WAVELENGTH = 8.0
#: Cells between the outermost source or receiver and the model's edge.
MARGIN_CELLS = 10
#: Lowest velocity that the grids are made for (m/s).
MIN_VELOCITY = 1500.0


def usual_grid_spacing(peak_frequency: float, min_velocity: float = MIN_VELOCITY) -> float:
    """Round cell size (m) that gives 8 cells to the wavelength of the lowest velocity."""
    value = min_velocity / (CELLS_PER_WAVELENGTH * peak_frequency)
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return power * max(s for s in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5) if s * power <= value)


def place(
    sources: np.ndarray,
    receivers: np.ndarray,
    *,
    depth: float,
    dt: float,
    record_length: float,
    peak_frequency: float,
    grid_spacing: float | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Parameters of a survey whose grid is laid around its sources and receivers.

    Parameters
    ----------
    sources : numpy.ndarray
        Positions (m), shape (source, axis), the axes being (depth, x) or (depth, y, x). Depths
        count from the surface, x and y from anywhere.
    receivers : numpy.ndarray
        Positions (m), shape (source, receiver, axis).
    depth : float
        Depth of the model (m).
    dt, record_length : float
        Sampling interval, and time of the last sample (s).
    peak_frequency : float
        Peak frequency of the wavelet (Hz).
    grid_spacing : float, optional
        Cell size (m); by default :func:`usual_grid_spacing`.
    **others
        Further parameters of :class:`~seisgeo.synth.Survey`.

    Returns
    -------
    dict
        Parameters of :class:`~seisgeo.synth.Survey`.
    """
    for name, value in (("depth", depth), ("dt", dt), ("record_length", record_length)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name} must be positive, found {value}")
    dx = grid_spacing or usual_grid_spacing(peak_frequency)
    everything = np.concatenate([sources[:, None], receivers], axis=1).reshape(
        -1, sources.shape[-1]
    )
    margin = MARGIN_CELLS * dx
    shift = margin - everything.min(axis=0)
    width = np.ptp(everything, axis=0) + 2 * margin
    shift[0], width[0] = 0.0, depth
    sources, receivers = sources + shift, receivers + shift
    fields: dict[str, Any] = {}
    for i, axis in enumerate(("depth", "x") if len(shift) == 2 else ("depth", "y", "x")):
        fields[f"source_{axis}"] = tuple(sources[:, i])
        fields[f"receiver_{axis}"] = tuple(tuple(row) for row in receivers[..., i])
    return {
        **fields,
        "dt": dt,
        "nt": math.floor(record_length / dt + 1e-6) + 1,
        "peak_frequency": peak_frequency,
        "grid_spacing": dx,
        "model_shape": tuple(math.ceil(w / dx - 1e-9) + 1 for w in width),
        **others,
    }


class StandardSpreads:
    """Constructors of usual surveys, for :class:`~seisgeo.synth.Survey`.

    Each takes the spacings that describe such a survey in the field, and lays a model grid around
    it, ten cells wider than the outermost source or receiver.
    """

    @classmethod
    def openfwi(cls) -> Self:
        """OpenFWI's survey: 5 sources and 70 receivers on a 70 x 70 grid of 10 m, Ricker 15 Hz.

        Sources at cells 0, 17, 34, 52 and 69, receivers at every cell, all at 10 m depth; 1000
        samples of 1 ms; every edge absorbs. The peak stands at 72 ms: the released data hold the
        field *after* the source of a step was added, so the wavelet, whose peak has index 73,
        appears one sample early on the record's axis.

        References
        ----------
        Deng et al. (2022), OpenFWI, arXiv:2111.02926.
        """
        n, dx = 70, 10.0
        cells = np.around(np.linspace(0, n - 1, 5))
        fields: dict[str, Any] = {
            "source_x": tuple(cells * dx),
            "source_depth": (dx,) * 5,
            "receiver_x": (tuple(np.arange(n) * dx),) * 5,
            "receiver_depth": ((dx,) * n,) * 5,
            "dt": 0.001,
            "nt": 1000,
            "peak_frequency": 15.0,
            "peak_time": 0.072,
            "grid_spacing": dx,
            "model_shape": (n, n),
        }
        return cls(**fields)

    @classmethod
    def land(
        cls,
        *,
        n_sources: int = 5,
        n_receivers: int = 96,
        receiver_spacing: float = 25.0,
        depth: float = 1500.0,
        record_length: float = 2.0,
        dt: float = 0.004,
        peak_frequency: float = 15.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Surface spread on land: fixed receivers, sources evenly along them.

        Sources and receivers lie one cell down and the surface absorbs, as in OpenFWI: scalar
        waves have no ground roll, and a free surface would take away what they record.

        Parameters
        ----------
        n_sources, n_receivers : int
            Sources (from the first receiver to the last) and receivers.
        receiver_spacing : float
            Between receivers (m).
        depth : float
            Depth of the model (m).
        record_length, dt : float
            Time of the last sample, and sampling interval (s).
        peak_frequency : float
            Peak frequency of the Ricker wavelet (Hz).
        grid_spacing : float, optional
            Cell size (m); by default 8 cells to the wavelength of 1500 m/s.

        Examples
        --------
        >>> from seisgeo.synth import Survey
        >>> float(Survey.land(n_sources=3).offset[0, -1])
        2375.0
        """
        _check_counts(n_sources=n_sources, n_receivers=n_receivers)
        _check_lengths(receiver_spacing=receiver_spacing)
        dx = grid_spacing or usual_grid_spacing(peak_frequency)
        x = receiver_spacing * np.arange(n_receivers)
        return cls(
            **place(
                _points(dx, np.linspace(0, x[-1], n_sources) if n_sources > 1 else x[-1:] / 2),
                _same_for_all(_points(dx, x), n_sources),
                depth=depth,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=dx,
            )
        )

    @classmethod
    def streamer(
        cls,
        *,
        n_sources: int = 1,
        source_spacing: float = 50.0,
        n_receivers: int = 96,
        receiver_spacing: float = 25.0,
        near_offset: float = 150.0,
        source_depth: float = 6.0,
        receiver_depth: float = 8.0,
        depth: float = 2000.0,
        record_length: float = 2.5,
        dt: float = 0.004,
        peak_frequency: float = 12.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Marine streamer: receivers towed behind each source, under a free surface.

        The ghosts of source and streamer come with the free surface.

        Parameters
        ----------
        n_sources : int
            Shots; the ship sails towards larger x, and offsets are negative.
        source_spacing : float
            Between shots (m).
        n_receivers, receiver_spacing, near_offset
            Channels, their spacing and the first one's distance from the source (m).
        source_depth, receiver_depth : float
            Below the surface (m).
        depth, record_length, dt, peak_frequency, grid_spacing
            As for :meth:`land`.

        Examples
        --------
        >>> from seisgeo.synth import Survey
        >>> Survey.streamer(n_receivers=4).offset
        array([[-150., -175., -200., -225.]])
        """
        _check_counts(n_sources=n_sources, n_receivers=n_receivers)
        _check_lengths(source_spacing=source_spacing, receiver_spacing=receiver_spacing)
        source = source_spacing * np.arange(n_sources)
        offset = -near_offset - receiver_spacing * np.arange(n_receivers)
        x = source[:, None] + offset
        return cls(
            **place(
                _points(source_depth, source),
                np.stack([np.full(x.shape, receiver_depth), x], axis=-1),
                depth=depth,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=grid_spacing,
                free_surface=True,
            )
        )

    @classmethod
    def ocean_bottom(
        cls,
        *,
        n_sources: int = 5,
        n_receivers: int = 48,
        receiver_spacing: float = 50.0,
        water_depth: float = 300.0,
        source_depth: float = 6.0,
        depth: float = 2000.0,
        record_length: float = 2.5,
        dt: float = 0.004,
        peak_frequency: float = 12.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Ocean-bottom nodes: receivers on the sea floor, shots near the free surface above them.

        Parameters
        ----------
        n_sources : int
            Shots, from above the first node to above the last.
        n_receivers, receiver_spacing
            Nodes and their spacing (m).
        water_depth : float
            Depth of the nodes (m); draw models with this ``water_depth``.
        source_depth : float
            Below the surface (m).
        depth, record_length, dt, peak_frequency, grid_spacing
            As for :meth:`land`.
        """
        _check_counts(n_sources=n_sources, n_receivers=n_receivers)
        _check_lengths(receiver_spacing=receiver_spacing)
        x = receiver_spacing * np.arange(n_receivers)
        shots = np.linspace(0, x[-1], n_sources) if n_sources > 1 else x[-1:] / 2
        return cls(
            **place(
                _points(source_depth, shots),
                _same_for_all(_points(water_depth, x), n_sources),
                depth=depth,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=grid_spacing,
                free_surface=True,
            )
        )

    @classmethod
    def crosswell(
        cls,
        *,
        well_distance: float = 300.0,
        top: float = 100.0,
        bottom: float = 700.0,
        n_sources: int = 5,
        n_receivers: int = 61,
        record_length: float = 0.4,
        dt: float = 0.0005,
        peak_frequency: float = 100.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Crosswell survey: sources down one well, receivers down another.

        Parameters
        ----------
        well_distance : float
            Between the two wells (m); sources are in the left one.
        top, bottom : float
            Depths of the first and the last source and receiver (m).
        n_sources, n_receivers : int
            Evenly spaced in their wells.
        record_length, dt, peak_frequency, grid_spacing
            As for :meth:`land`. The model reaches ten cells below `bottom`.
        """
        _check_counts(n_sources=n_sources, n_receivers=n_receivers)
        _check_lengths(well_distance=well_distance)
        _check_well(top, bottom)
        dx = grid_spacing or usual_grid_spacing(peak_frequency)
        down = np.linspace(top, bottom, n_receivers)
        return cls(
            **place(
                np.stack([np.linspace(top, bottom, n_sources), np.zeros(n_sources)], axis=-1),
                _same_for_all(
                    np.stack([down, np.full(n_receivers, well_distance)], axis=-1), n_sources
                ),
                depth=bottom + MARGIN_CELLS * dx,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=dx,
            )
        )

    @classmethod
    def vsp(
        cls,
        *,
        source_offsets: tuple[float, ...] = (50.0, 500.0, 1000.0),
        top: float = 100.0,
        bottom: float = 1500.0,
        n_receivers: int = 57,
        depth: float = 2000.0,
        record_length: float = 1.5,
        dt: float = 0.002,
        peak_frequency: float = 30.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Vertical seismic profile: sources at the surface, receivers down a well.

        Parameters
        ----------
        source_offsets : tuple of float
            Distances of the sources from the well (m), negative to its left; more than one make a
            walkaway profile.
        top, bottom : float
            Depths of the first and the last receiver (m).
        n_receivers : int
            Evenly spaced.
        depth, record_length, dt, peak_frequency, grid_spacing
            As for :meth:`land`.
        """
        _check_counts(n_receivers=n_receivers, source_offsets=len(source_offsets))
        _check_well(top, bottom)
        dx = grid_spacing or usual_grid_spacing(peak_frequency)
        down = np.linspace(top, bottom, n_receivers)
        well = np.stack([down, np.zeros(n_receivers)], axis=-1)
        return cls(
            **place(
                _points(dx, np.array(source_offsets, float)),
                _same_for_all(well, len(source_offsets)),
                depth=depth,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=dx,
            )
        )

    @classmethod
    def areal(
        cls,
        *,
        n_sources: tuple[int, int] = (1, 1),
        n_receivers: tuple[int, int] = (16, 16),
        receiver_spacing: float = 50.0,
        depth: float = 800.0,
        record_length: float = 1.0,
        dt: float = 0.004,
        peak_frequency: float = 10.0,
        grid_spacing: float | None = None,
    ) -> Self:
        """Three-dimensional survey: a grid of receivers at the surface, and one of sources in it.

        Parameters
        ----------
        n_sources, n_receivers : (int, int)
            Across (y) and along (x); sources are spread evenly over the receivers' area.
        receiver_spacing, depth, record_length, dt, peak_frequency, grid_spacing
            As for :meth:`land`.

        Examples
        --------
        >>> from seisgeo.synth import Survey
        >>> survey = Survey.areal(n_receivers=(4, 6))
        >>> survey.axes, survey.n_receivers
        (('depth', 'y', 'x'), 24)
        """
        _check_counts(**{f"n_sources[{i}]": n for i, n in enumerate(n_sources)})
        _check_counts(**{f"n_receivers[{i}]": n for i, n in enumerate(n_receivers)})
        _check_lengths(receiver_spacing=receiver_spacing)
        dx = grid_spacing or usual_grid_spacing(peak_frequency)
        ends = [receiver_spacing * (n - 1) for n in n_receivers]
        spread = _area(dx, [receiver_spacing * np.arange(n) for n in n_receivers])
        shots = [
            np.linspace(0, end, n) if n > 1 else np.array([end / 2])
            for n, end in zip(n_sources, ends, strict=True)
        ]
        sources = _area(dx, shots)
        return cls(
            **place(
                sources,
                _same_for_all(spread, len(sources)),
                depth=depth,
                dt=dt,
                record_length=record_length,
                peak_frequency=peak_frequency,
                grid_spacing=dx,
            )
        )


def _points(depth: float, x: np.ndarray) -> np.ndarray:
    return np.stack([np.full(len(x), depth), x], axis=-1)


def _area(depth: float, sides: list[np.ndarray]) -> np.ndarray:
    y, x = (side.ravel() for side in np.meshgrid(*sides, indexing="ij"))
    return np.stack([np.full(len(x), depth), y, x], axis=-1)


def _same_for_all(spread: np.ndarray, n_sources: int) -> np.ndarray:
    return np.broadcast_to(spread, (n_sources, *spread.shape))


def _check_counts(**counts: int) -> None:
    for name, n in counts.items():
        if n < 1:
            raise ParameterError(f"{name} must be at least 1, found {n}")


def _check_lengths(**lengths: float) -> None:
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{name} must be positive (m), found {value}")


def _check_well(top: float, bottom: float) -> None:
    if not 0 < top < bottom:
        raise ParameterError(f"expected 0 < top < bottom (m), found top={top}, bottom={bottom}")
