"""Models through an engine batch by batch, smaller ones where the device's memory ends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.errors import DataWarning, SimulationError
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

__all__ = ["cpu_batch", "gathered", "in_batches"]

# Cells, of all sources, that a call on a CPU simulates: what Deepwave does once a call takes 3 ms,
# and what a call holds stays small. Five models of OpenFWI's survey.
_CPU_CELLS = 125_000


def cpu_batch(survey: Survey) -> int:
    """How many models a CPU simulates at once, unless the caller decides it."""
    return max(1, _CPU_CELLS // (survey.n_sources * math.prod(survey.model_shape)))


def in_batches(
    simulate: Callable[[slice], torch.Tensor], n: int, batch: int, *, device: str, survey: Survey
) -> Iterator[torch.Tensor]:
    """Gathers of `n` models in order, a batch at a time.

    Parameters
    ----------
    simulate : callable
        Takes a slice of the models and gives their gathers, a row for each.
    n, batch : int
        Models, and how many of them to try at once.
    device : str
        Where they are simulated, for the messages.
    survey : Survey
        Gives the size of a model, for the messages.

    Yields
    ------
    torch.Tensor
        Gathers, shape (model, source, time, receiver), on the device.

    Raises
    ------
    SimulationError
        If the memory is too small for a single model.

    Warns
    -----
    DataWarning
        If it is too small for `batch` models: how many are taken from there on.
    """
    import torch

    done = 0
    while done < n:
        try:
            record = simulate(slice(done, min(done + batch, n)))
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            if batch == 1:
                raise SimulationError(
                    f"{device}: its memory is too small for one model of "
                    f"{' x '.join(map(str, survey.model_shape))} cells and {survey.n_sources} "
                    "sources: use device='cpu', a larger grid_spacing or fewer sources"
                ) from error
            batch //= 2
            warnings.warn(
                f"{device}: out of memory; going on with {batch} models at once "
                f"(batch_size={batch} from the start saves this try)",
                DataWarning,
                stacklevel=3,
            )
            torch.cuda.empty_cache()
            continue
        done += len(record)
        yield record


def gathered(
    batches: Iterator[torch.Tensor], n: int, survey: Survey, *, progress: bool
) -> np.ndarray:
    """All batches of `n` models in one array, with a progress bar where it is asked for."""
    from tqdm.auto import tqdm

    out = np.empty((n, survey.n_sources, survey.nt, survey.n_receivers), dtype=np.float32)
    done = 0
    with tqdm(total=n, disable=not progress, desc="simulate", unit="model") as bar:
        for record in batches:
            out[done : done + len(record)] = record.cpu()
            done += len(record)
            bar.update(len(record))
    return out
