"""One step of contrastive training: embed, gather, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from seisgeo.devices import CPU_BATCH
from seisgeo.learner import Learner, Schedule
from seisgeo.losses import LOSSES
from seisgeo.metrics import pair_ranks, recall_at_k

__all__ = ["Contrast", "Readout", "TrainingPlan", "Uncertain"]

#: Share of the training after which hard negatives are contrasted, too: before it, what is easy to
#: tell apart has still to be learned, and they would only slow that down.
LATE = 0.5


@dataclass(frozen=True)
class Readout:
    """What one modality's features must tell by a linear map alone, in training.

    Features are what its encoder's method ``features`` gives: the embedding before its length is
    made one.

    Parameters
    ----------
    modality : str
        Whose embeddings.
    target : callable
        Function of a batch that gives what to tell, (batch, size).
    size, features : int
        Values to tell, and number of the features.
    weight : float
        Of its mean square error beside the contrastive losses.
    """

    modality: str
    target: Callable[[Mapping[str, Tensor]], Tensor]
    size: int
    features: int
    weight: float


@dataclass(frozen=True)
class Uncertain:
    """A modality of which less may be known than in the training set.

    Uncertain copies of its rows learn to find the others' embeddings, which do not move for them.

    Parameters
    ----------
    modality : str
        Whose rows.
    change : callable
        Function of a batch and a generator that gives uncertain copies.
    weights : mapping of str to float
        For each of the other modalities, of the contrastive loss.
    """

    modality: str
    change: Callable[[Tensor, torch.Generator], Tensor]
    weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(Schedule):
    """Settings of a training run, beside those of its :class:`~seisgeo.learner.Schedule`.

    Parameters
    ----------
    pairs : mapping of (str, str) to float
        Weight of the loss between two modalities. A modality paired with itself contrasts two
        augmented copies.
    temperature : float
        First temperature of the loss.
    loss : str
        A key of :data:`seisgeo.losses.LOSSES`.
    chunk_size : int or None
        Rows that an encoder sees at once; None gives it the whole batch.
    ema_decay : float or None
        Decay of the moving average of the weights that is kept in their place; None keeps them.
    families_per_batch : int or None
        Families that a batch is filled from; None mixes all.
    augment : mapping of str to callable, optional
        For a modality, a function of a batch (tensor) and a generator, applied in training.
    copies : mapping of str to callable, optional
        For a modality, a function of a batch (tensor) that tells which of its rows are one and the
        same, (batch, batch): they are not contrasted.
    readout : Readout, optional
        A further loss.
    uncertain : Uncertain, optional
        And another.
    negatives : mapping of str to callable, optional
        For a modality, a function of a batch and a generator that gives rows like it with which
        nothing belongs. Where it is the second of a pair, rows of the first that `augment` leaves
        alone are contrasted with them, too.
    negative_weight : float
        How much one of `negatives` counts beside another row of the batch.
    turn : callable, optional
        Function of a whole batch and a generator, applied in training before `augment`.
    """

    pairs: Mapping[tuple[str, str], float]
    temperature: float
    loss: str = "info_nce"
    chunk_size: int | None = None
    ema_decay: float | None = None
    families_per_batch: int | None = None
    augment: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = field(default_factory=dict)
    copies: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    negatives: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = field(
        default_factory=dict
    )
    negative_weight: float = 1.0
    readout: Readout | None = None
    uncertain: Uncertain | None = None
    turn: Callable[[dict[str, Tensor], torch.Generator], dict[str, Tensor]] | None = None


class Contrast(Learner):
    """Encoders in training: what a step compares.

    Parameters
    ----------
    encoders : torch.nn.ModuleDict
        One encoder for each modality.
    plan : TrainingPlan
        The settings.
    steps_per_epoch : int
        Batches of an epoch.
    """

    def __init__(self, encoders: nn.ModuleDict, plan: TrainingPlan, steps_per_epoch: int) -> None:
        super().__init__(plan, steps_per_epoch)
        self.encoders = encoders
        self.criterion = LOSSES[plan.loss](plan.temperature)
        # What is uncertain needs a temperature of its own: its logits are right less often.
        self.lenient = None if plan.uncertain is None else LOSSES[plan.loss](plan.temperature)
        self.readout: nn.Linear | None = None
        if plan.readout is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(plan.seed)
                self.readout = nn.Linear(plan.readout.features, plan.readout.size)
        self.average: AveragedModel | None = None
        if plan.ema_decay is not None:
            self.average = AveragedModel(encoders, multi_avg_fn=_moving_average(plan.ema_decay))
            self.average.requires_grad_(False)
        self._embedded: list[tuple[Tensor, Tensor]] = []

    # ---- the loss

    def embed(self, name: str, values: Tensor, encoders: Any) -> Tensor:
        """Unit vectors (batch, feature) of a batch; vectors of any length where they are read out.

        In chunks, activations are not kept but computed again when the gradient of a chunk is
        due: memory is that of one chunk and the gradient is the whole batch's (GradCache, Gao et
        al. 2021, arXiv:2101.06983).
        """
        size = self.plan.chunk_size
        encode = encoders[name].features if self._reads(name) else encoders[name]
        if size is None or len(values) <= size:
            piece = CPU_BATCH if values.device.type == "cpu" else len(values)
            return torch.cat([encode(part) for part in values.split(piece)]).float()
        parts = [
            checkpoint(encode, part, use_reentrant=False, preserve_rng_state=False)
            for part in values.split(size)
        ]
        return torch.cat(parts).float()

    def full_precision(self) -> torch.autocast:
        """Where samples are changed or told, not embedded: bfloat16 would round them."""
        return torch.autocast(self.device.type, enabled=False)

    def _reads(self, name: str) -> bool:
        return self.plan.readout is not None and self.plan.readout.modality == name

    def loss(
        self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch, whose rows may be spread over processes, and its embeddings.

        Parameters
        ----------
        batch : mapping of str to torch.Tensor
            Rows of this process.
        generator : torch.Generator, optional
            Augments with it, and embeds with the encoders in training; without it, with those
            that would be kept.
        """
        encoders: Any = self.encoders
        if generator is None and self.average is not None:
            encoders = self.average.module

        seen: dict[str, Tensor] = {}

        def embedded(name: str, random: torch.Generator | None) -> Tensor:
            values = batch[name]
            change = self.plan.augment.get(name)
            if change is not None and random is not None:
                with self.full_precision():
                    values = change(values, random)
            seen[name] = values
            return gather(self.embed(name, values, encoders))

        def unit(name: str, values: Tensor) -> Tensor:
            return functional.normalize(values, dim=1) if self._reads(name) else values

        features = {name: embedded(name, generator) for name in batch}
        first = {name: unit(name, values) for name, values in features.items()}
        same = {name: find(gather(batch[name])) for name, find in self.plan.copies.items()}
        total = torch.zeros((), device=self.device)

        def mask(a: str, b: str) -> Tensor | None:
            masks = [same[name] for name in {a, b} if name in same]
            return torch.stack(masks).any(dim=0) if masks else None

        def misses(a: str, b: str) -> tuple[Tensor | None, Tensor | None]:
            make = self.plan.negatives.get(b)
            if make is None or generator is None or self.begun < LATE:
                return None, None
            with self.full_precision():
                made = make(batch[b], generator)
            found = unit(b, gather(self.embed(b, made, encoders)))
            if b in self.plan.copies:
                # What is made of one row may be another of the batch.
                rows = gather(batch[b])
                both = torch.cat([rows, gather(made)])
                there = self.plan.copies[b](both)[: len(rows), len(rows) :].any(dim=0)
                found = found[~there]
            # What augmentation hides cannot be told from a near miss.
            alone = (seen[a] == batch[a]).flatten(1).all(dim=1)
            return found, self.plan.negative_weight * gather(alone.float())

        for (a, b), weight in self.plan.pairs.items():
            other = first[b] if a != b else unit(b, embedded(b, generator or self.draws()))
            total = total + weight * self.criterion(first[a], other, mask(a, b), *misses(a, b))
        vague = self.plan.uncertain
        if vague is not None and self.lenient is not None and generator is not None:
            name = vague.modality
            with self.full_precision():
                changed = vague.change(batch[name], generator)
            copies = gather(self.embed(name, changed, encoders))
            for b, weight in vague.weights.items():
                error = self.lenient(first[b].detach(), copies, mask(name, b))
                total = total + weight * error
        readout = self.plan.readout
        if readout is not None and self.readout is not None and generator is not None:
            with self.full_precision():
                told = self.readout(features[readout.modality])
                error = functional.mse_loss(told, gather(readout.target(batch)))
            total = total + readout.weight * error
        return total, first

    # ---- Lightning's hooks

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Loss of a batch, augmented."""
        generator = self.draws()
        if self.plan.turn is not None:
            with self.full_precision():
                batch = self.plan.turn(batch, generator)
        return self.noted(self.loss(batch, generator)[0])

    def close_step(self) -> None:
        """Count a step, and let the average of the weights follow it."""
        super().close_step()
        if self.average is not None:
            self.average.update_parameters(self.encoders)

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Collect the loss and the first pair's embeddings."""
        loss, embedded = self.loss(batch)
        self.collect("val_loss", loss)
        (a, b), _ = next(iter(self.plan.pairs.items()))
        if a != b:
            self._embedded.append((embedded[a], embedded[b]))

    def on_validation_epoch_end(self) -> None:
        """Keep the best weights, and stop where nothing gets better."""
        if self._embedded:
            query, gallery = (
                torch.cat(part).cpu().numpy() for part in zip(*self._embedded, strict=True)
            )
            self._sums["val_recall_1"] = [recall_at_k(pair_ranks(query, gallery), 1)]
            self._embedded = []
        super().on_validation_epoch_end()

    def numbers(self) -> dict[str, float]:
        """The scale of the loss, beside the rest."""
        return {"logit_scale": float(self.criterion.scale().detach())}

    # ---- what is kept

    @property
    def kept(self) -> nn.Module:
        """The encoders that training is for: the average of the weights where there is one."""
        return self.encoders if self.average is None else self.average.module

    def leave(self) -> None:
        """Give the encoders the weights of the lowest validation loss, or the last ones."""
        super().leave()
        if self.average is not None:
            self.encoders.load_state_dict(self.average.module.state_dict())
        self.encoders.to("cpu").eval()


def gather(values: Tensor) -> Tensor:
    """Rows of all processes, in the order of the processes; the rows themselves where one works.

    Every process then computes the loss of the whole batch, so that each has the whole gradient
    of its own rows; it is multiplied by the number of processes because the gradients of the
    weights are averaged over them. That is exact, and nothing is sent on the way back.

    Parameters
    ----------
    values : torch.Tensor
        As many rows on every process.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    return _Gather.apply(values)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        parts = [torch.empty_like(values) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        processes = torch.distributed.get_world_size()
        return processes * gradient.chunk(processes)[torch.distributed.get_rank()]


def _moving_average(decay: float) -> Callable[..., None]:
    """Update of an exponential moving average that is short at first, as the weights then run."""

    def update(averaged: Any, current: Any, count: Any) -> None:
        n = float(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
