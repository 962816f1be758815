"""Pairs straight into training: made on the device as they are asked for, none of them twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from seisgeo import descriptors
from seisgeo.devices import default_device, processes
from seisgeo.errors import ParameterError
from seisgeo.synth.engines import engine_module, simulate
from seisgeo.synth.geology import canonical_family, draw_velocity, family_label
from seisgeo.synth.survey import Survey

__all__ = ["PairStream"]

#: First number, within a family, of the pairs that no stream gets to: those for validation.
HELD_OUT = 2**31


class PairStream(IterableDataset[dict[str, Tensor]]):
    """Endless batches of velocity models and gathers, simulated while training runs.

    Nothing touches the disk, and no pair comes twice. Pairs are numbered from zero, the families in
    turns: a pair depends on `families`, `survey`, `seed` and its number alone. The batches, and
    their order, are the same for any number of worker processes; the pairs are the same for any
    `batch_size`. Only `noise` is drawn for a batch as a whole. (A GPU rounds otherwise than a CPU.)

    Parameters
    ----------
    families : str, path-like or iterable of them
        As for :func:`seisgeo.synth.generate`.
    survey : Survey, optional
        What records them, in two dimensions; OpenFWI's by default.
    engine : {"deepwave", "openfwi"}, default "deepwave"
        What simulates, see :func:`seisgeo.synth.simulate`.
    seed : int, default 0
        Pair number ``len(families) * i + f`` has the model `i` of family `f` that
        :func:`seisgeo.synth.draw_velocity` draws for this seed: evaluate on pairs of another seed.
    batch_size : int, default 128
        Pairs of a batch. On a GPU they are simulated at once, or as many as its memory holds.
    noise : callable, optional
        Function of gathers (batch, source, time, receiver) and a ``torch.Generator``, both on the
        device, that returns what to train on: :mod:`seisgeo.synth.noise` has the parts.
    velocity_range : (float, float), default (1500, 4500)
        Lowest and highest velocity (m/s).
    water_depth : (float, float), None or "auto"
        As for :func:`seisgeo.synth.generate`.
    device : str, optional
        Where to simulate; by default CUDA where there is one, else the CPU.

    Attributes
    ----------
    next : int
        Number of the next pair.

    Raises
    ------
    ParameterError
        If there are no families, an engine or number is impossible, or the survey is 3-D.
    SimulationError
        If the engine cannot do what the survey asks; the message says what would do.

    Notes
    -----
    Each batch is a dict: ``seismic (batch, source, time, receiver)``, ``velocity (batch, depth,
    x)`` in m/s and ``physics (batch, descriptor)``, float32 and on the device, as the encoders take
    them. :meth:`batches` makes them in worker processes, and so does ``DataLoader(stream,
    batch_size=None, num_workers=2)``, whose workers count in copies of the stream. PyTorch's
    distributed ranks get different pairs.

    Examples
    --------
    >>> stream = PairStream(["flatvel-a", "curvefault-b"], seed=1, batch_size=2, device="cpu")
    >>> {name: tuple(values.shape) for name, values in next(iter(stream)).items()}
    {'seismic': (2, 5, 1000, 70), 'velocity': (2, 70, 70), 'physics': (2, 15)}
    >>> stream.state_dict()
    {'next': 2}
    """

    def __init__(
        self,
        families: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        survey: Survey | None = None,
        engine: str = "deepwave",
        seed: int = 0,
        batch_size: int = 128,
        noise: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        velocity_range: tuple[float, float] = (1500.0, 4500.0),
        water_depth: tuple[float, float] | str | None = "auto",
        device: str | None = None,
    ) -> None:
        asked = [families] if isinstance(families, str | os.PathLike) else list(families)
        if not asked:
            raise ParameterError("nothing to generate: families is empty")
        self.families = [canonical_family(name) for name in asked]
        if len({family_label(name) for name in self.families}) < len(asked):
            raise ParameterError(f"families are named more than once: {', '.join(self.families)}")
        if batch_size < 1:
            raise ParameterError(f"batch_size must be at least 1, found {batch_size}")
        self.survey = survey or Survey.openfwi()
        if len(self.survey.axes) > 2:
            raise ParameterError(
                "a stream makes pairs in two dimensions, the survey has three: simulate 3-D models "
                "with seisgeo.synth.simulate"
            )
        self.engine = engine
        engine_module(engine).check_physics("scalar", "pressure", self.survey)
        engine_module(engine).plan(self.survey, velocity_range[1])
        self.seed = seed
        self.batch_size = batch_size
        self.noise = noise
        self.velocity_range = velocity_range
        self.water_depth = self.survey.usual_water_depth if water_depth == "auto" else water_depth
        self.device = default_device(device)
        self.next = 0

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        if info and self.device != "cpu":
            raise ParameterError(_no_workers(self.device))
        # Worker w of W makes batches w, w + W, ...: a DataLoader asks its workers in turns, and so
        # hands them out in order.
        rank, ranks = _rank()
        step = workers * ranks * self.batch_size
        mine = (worker * ranks + rank) * self.batch_size
        while True:
            first = self.next + mine
            batch = self._batch(range(first, first + self.batch_size))
            self.next += step
            yield batch

    def batches(self, workers: int | None = None) -> Iterator[dict[str, Tensor]]:
        """Batches in order, without end, made in processes of their own.

        Parameters
        ----------
        workers : int, optional
            Processes, one thread each. By default one for each core on a CPU; on a GPU, which is
            not shared between processes, none: batches are then made between training steps.

        Yields
        ------
        dict of str to torch.Tensor
            The next batch. :attr:`next` counts what was handed out, so that :meth:`state_dict`
            is right at any moment.
        """
        import joblib

        if workers is None:
            workers = joblib.cpu_count() if self.device == "cpu" else 0
        if workers and self.device != "cpu":
            raise ParameterError(_no_workers(self.device))
        loader = DataLoader(
            self,
            batch_size=None,
            num_workers=workers,
            generator=torch.Generator().manual_seed(0),  # else it would draw from the global one
        )
        for batch in loader:
            if workers:  # what they count are copies
                self.next += _rank()[1] * self.batch_size
            yield batch

    def held_out(self, n: int) -> xr.Dataset:
        """Pairs that the stream never gives, for validation.

        Parameters
        ----------
        n : int
            How many; their number in each family is 2**31 and more.

        Returns
        -------
        xarray.Dataset
            ``amplitude (sample, source, time, receiver)``, ``velocity (sample, depth, x)``,
            ``descriptor_value (sample, descriptor)``, as of :func:`seisgeo.synth.generate`; with
            the stream's noise.
        """
        numbers = range(HELD_OUT * len(self.families), HELD_OUT * len(self.families) + n)
        parts = [self._draw(family, numbers) for family in range(len(self.families))]
        models = xr.concat([p for p in parts if p is not None], "sample")
        pairs = simulate(
            models,
            self.survey,
            engine=self.engine,
            device=self.device,
            batch_size=self.batch_size if self.device != "cpu" else None,
            max_velocity=self.velocity_range[1],
        )
        if self.noise is not None:
            clean = torch.from_numpy(pairs["amplitude"].values).to(self.device)
            pairs["amplitude"].values = self._noisy(clean, numbers[0]).cpu().numpy()
        return pairs.merge(descriptors.compute(pairs), combine_attrs="override")

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the pairs that are still to come, as JSON; a function by its name."""
        noise = self.noise
        return {
            "families": self.families,
            "survey": self.survey.to_json(),
            "engine": self.engine,
            "seed": self.seed,
            "noise": noise and getattr(noise, "__qualname__", type(noise).__qualname__),
            "velocity_range": self.velocity_range,
            "water_depth": self.water_depth,
            **self.state_dict(),
        }

    def state_dict(self) -> dict[str, int]:
        """What to keep for :meth:`load_state_dict`, so that training goes on with new pairs."""
        return {"next": self.next}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the pairs that had been given when `state` was taken."""
        self.next = int(state["next"])

    def _batch(self, numbers: range) -> dict[str, Tensor]:
        velocity = np.empty((len(numbers), *self.survey.model_shape), np.float32)
        for family in range(len(self.families)):
            if (models := self._draw(family, numbers)) is not None:
                first = (family - numbers.start) % len(self.families)
                velocity[first :: len(self.families)] = models["velocity"].values
        seismic = torch.cat(
            list(
                engine_module(self.engine).simulate_batches(
                    velocity,
                    self.survey,
                    device=self.device,
                    batch_size=self.batch_size if self.device != "cpu" else None,
                    max_velocity=self.velocity_range[1],
                )
            )
        )
        dx = self.survey.grid_spacing
        physics = descriptors.compute_array(velocity, dx, dx).astype(np.float32)
        return {
            "seismic": self._noisy(seismic, numbers.start),
            "velocity": torch.from_numpy(velocity).to(self.device),
            "physics": torch.from_numpy(physics).to(self.device),
        }

    def _draw(self, family: int, numbers: range) -> xr.Dataset | None:
        """Models of one family among these numbers, None where there are none."""
        count = len(self.families)
        indices = [number // count for number in numbers if number % count == family]
        if not indices:
            return None
        return draw_velocity(
            self.families[family],
            indices,
            seed=self.seed,
            shape=self.survey.model_shape,
            grid_spacing=self.survey.grid_spacing,
            velocity_range=self.velocity_range,
            water_depth=self.water_depth,  # type: ignore[arg-type]
        )

    def _noisy(self, gathers: Tensor, number: int) -> Tensor:
        if self.noise is None:
            return gathers
        state = np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)
        generator = torch.Generator(self.device).manual_seed(int(state[0] >> 1))
        return self.noise(gathers, generator)


def _rank() -> tuple[int, int]:
    """Which of how many training processes this is, in PyTorch's distributed training."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    # In a worker process that is no fork nothing is initialised; torchrun's environment holds.
    rank, _, world = processes()
    return rank, world


def _no_workers(device: str) -> str:
    return (
        f"a stream on {device} is simulated in the training process, not in workers: use "
        "num_workers=0, or device='cpu'"
    )
