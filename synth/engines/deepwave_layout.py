"""Models and positions as Deepwave wants them: padded, and placed below a free surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.synth.engines.deepwave_scheme import HICKS_HALF_WIDTH, PML_CELLS
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Where a batch of models and the positions of a survey come to lie on Deepwave's grid.

    Parameters
    ----------
    survey : Survey
        Positions and grid.
    physics : str
        The wave equation, which decides where the free surface lies.
    component : str
        What the receivers record.
    models : int
        Models of the batch.
    device : torch.device
        Where they are.
    """

    survey: Survey
    physics: str
    component: str
    models: int
    device: torch.device

    @property
    def ndim(self) -> int:
        """Dimensions of a model."""
        return len(self.survey.axes)

    @property
    def elastic_surface(self) -> bool:
        """Whether rows of vacuum stand above a free surface."""
        return self.survey.free_surface and self.physics == "elastic"

    @cached_property
    def between(self) -> bool:
        """Whether anything is interpolated between cells."""
        return _off_grid(self.survey) or self.elastic_surface or self.component != "pressure"

    @property
    def pad(self) -> int:
        """Cells around a model that interpolation reaches.

        Positions off the grid are interpolated over the cells around them (Hicks, 2002). Near an
        absorbing edge those cells are missing: repeat the edge, as the absorbing layer does anyway.
        """
        return HICKS_HALF_WIDTH if self.between else 0

    @property
    def surface(self) -> tuple[int, float]:
        """First row of a model that is kept, and cells that positions move down.

        The free surface lies at depth 0. Deepwave's scalar one is a mirror plane one cell above the
        first row, so that row 0 of its grid is the model's row 1; the acoustic one lies on row 0;
        the elastic one lies between rows of vacuum and the first row below.
        """
        if not self.survey.free_surface:
            return 0, 0.0
        return {"scalar": (1, -1.0), "elastic": (0, HICKS_HALF_WIDTH - 0.5)}.get(
            self.physics, (0, 0.0)
        )

    def edges(self) -> dict[str, Any]:
        """Deepwave's settings of the model's faces."""
        import deepwave

        if self.elastic_surface:
            return {"pml_width": [0] + [PML_CELLS] * (2 * self.ndim - 1)}
        top = "free" if self.survey.free_surface else "pml"
        boundary, width = deepwave.boundaries(self.ndim, top=top, width=PML_CELLS)
        return {"boundary": boundary, "pml_width": width}

    def grid(self, values: torch.Tensor) -> torch.Tensor:
        """One model for each shot; of viscoacoustic waves the one model of all shots."""
        import torch

        top = self.surface[0]
        above = 0 if self.survey.free_surface else self.pad
        sides = [self.pad] * (2 * (self.ndim - 1)) + [above, self.pad]
        padded = torch.nn.functional.pad(values[:, None, top:], sides, mode="replicate")[:, 0]
        if self.elastic_surface:
            vacuum = [0, 0] * (self.ndim - 1) + [HICKS_HALF_WIDTH, 0]
            padded = torch.nn.functional.pad(padded, vacuum)
        if self.physics == "viscoacoustic":
            return padded.squeeze(0)
        return padded.repeat_interleave(self.survey.n_sources, dim=0)

    def sources(self, shape: torch.Size) -> Any:
        """Positions of the sources on a grid of this shape (without shots)."""
        return self._cells(self.survey.source_positions, "pressure", shape)

    def receivers(self, shape: torch.Size) -> Any:
        """Positions of the receivers on a grid of this shape (without shots)."""
        return self._cells(self.survey.receiver_positions, self.component, shape)

    def at_sources(self, values: torch.Tensor) -> torch.Tensor:
        """Values of each model at the cell nearest each source, shape (model * source, 1, 1)."""
        nearest = np.rint(self.survey.source_positions / self.survey.grid_spacing).astype(int)
        return values[:, *nearest.T].reshape(-1, 1, 1)

    def amplitudes(self, signature: np.ndarray) -> torch.Tensor:
        """What every source of every model emits, shape (model * source, 1, time)."""
        import torch

        tensor = torch.as_tensor(signature, dtype=torch.float32, device=self.device)
        return tensor.expand(self.models * self.survey.n_sources, 1, -1)

    def _cells(self, positions: np.ndarray, quantity: str, shape: torch.Size) -> Any:
        import deepwave
        import torch

        free, shift, ndim = self.survey.free_surface, self.surface[1], self.ndim
        located = positions / self.survey.grid_spacing + self.pad
        located[..., 0] += shift - (self.pad if free else 0)
        tensor = torch.as_tensor(located, dtype=torch.float32, device=self.device)
        tensor = tensor.reshape(self.survey.n_sources, -1, ndim).repeat(self.models, 1, 1)
        if not self.between or self.physics == "scalar":
            return tensor
        # At a free surface pressure is odd; velocity is taken for even there.
        odd = quantity == "pressure"
        faces = [free] + [False] * (2 * ndim - 1)
        stagger = [0.5 if axis == quantity else 0.0 for axis in self.survey.axes]
        return deepwave.Hicks(
            tensor,
            HICKS_HALF_WIDTH,
            free_surfaces=faces if odd else None,
            rigid_surfaces=None if odd else faces,
            free_surface_locs=[shift] * (2 * ndim),
            model_shape=list(shape),
            offset=stagger,
        )


def _off_grid(survey: Survey) -> bool:
    positions = np.concatenate([survey.source_positions.ravel(), survey.receiver_positions.ravel()])
    cells = positions / survey.grid_spacing
    return bool((np.abs(cells - cells.round()) > 1e-3).any())
