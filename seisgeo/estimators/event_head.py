"""What the estimators over SeisCLIP's features share: one network over an event's records."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.base import SavedEstimator, unchanged_unless_whole
from seisgeo.estimators.embedding import batches_of, embed
from seisgeo.estimators.records import RecordForm, Records, group_of, numbers_of
from seisgeo.estimators.resuming import fingerprint, seed_of, settings_of
from seisgeo.estimators.seisclip import SeisCLIP
from seisgeo.estimators.spectrum_encoder import make_spectrum_encoder
from seisgeo.estimators.views import LOAD_BYTES, Views

if TYPE_CHECKING:
    import torch

    from seisgeo.estimators.event_network import EventNetwork
    from seisgeo.learner import History

__all__ = ["EventHead", "document", "levels_of", "mean_and_scale"]

#: Learning rates of a head on trained features, and of a network from scratch.
_ON_FEATURES, _FROM_SCRATCH = 4e-3, 2e-3
#: Learning rate of head and encoder together, over that of the head alone.
_TUNING = 0.1
#: AdamW's decay where nothing else is asked for.
_DECAY = 1e-4
#: What decay takes off a weight in a step, at most.
_TAKEN = 0.2


class EventHead(SavedEstimator):
    """What the three estimators share: one network over the records of an event.

    Records with the same ``event_id`` are pooled and get one answer, the same in each of their
    rows. A saved head keeps its encoder; to be fitted anew after loading, it needs one again.
    """

    #: Numbers that each record gives by itself.
    _votes = 0
    #: Events that tuning at its whole rate takes: of fewer, it is less in proportion.
    _enough = 500
    #: AdamW's decay of the head and of its layer over the features, times the number of events.
    _held: tuple[float, float] | None = None

    def __init__(
        self,
        encoder: SeisCLIP | None = None,
        *,
        fine_tune: bool = False,
        batch_size: int = 16,
        max_epochs: int = 200,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        validation_fraction: float = 0.1,
        patience: int = 20,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.fine_tune = fine_tune
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_clone__(self) -> EventHead:
        # A clone forgets what this head learned, but not what the encoder did before.
        return type(self)(**self.get_params(deep=False))

    @unchanged_unless_whole
    def fit(
        self,
        X: xr.Dataset,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Train the head, and with `fine_tune` the encoder along with it.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, ``amplitude (event, component, time)``.
        y : array-like or None, default None
            Labels, a row for each record; by default the coordinates of `X` that the class names.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves. The same
            call goes on from there after a kill, to the very weights that it would have reached
            without.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If labels are missing, or the records are not of the encoder's form.
        ParameterError
            If `encoder` is neither a SeisCLIP nor None.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        """
        from seisgeo.estimators.event_network import EventViews
        from seisgeo.event_training import Schedule, fit_network, split_rows

        form, trained = self._form_for(X)
        matched = form.match(X)
        groups = group_of(X)
        self.beside_ = self._coordinates(X, form)
        targets = self._learn_targets(X, y)[np.unique(groups, return_index=True)[1]]
        folder = None if checkpoint is None else Path(checkpoint)
        seed = seed_of(self.random_state, folder)
        random = np.random.RandomState(seed)
        read = self._read(X, Records(matched), form, learn=True)
        records = Records(matched, **read)
        outputs = targets.shape[1] if targets.ndim > 1 else self._outputs()
        network = self._build(form, seed, read["beside"].shape[1], outputs)
        held, kept = split_rows(np.arange(len(targets)), self.validation_fraction, random)
        rate = self.learning_rate
        if rate is None:
            rate = _FROM_SCRATCH if trained is None else _ON_FEATURES
        decay, parts = self._decays(len(kept), rate)
        schedule = Schedule(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            max_time=None,
            learning_rate=rate,
            weight_decay=decay,
            patience=self.patience,
            device=default_device(self.device),
            seed=seed,
            progress=self.verbose,
        )

        def loss(batch: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            batch = self._augmented(batch, generator)
            return self._loss(self._outcome(network, batch), batch["target"])

        def train(views: Views, schedule: Schedule, run: Path | None) -> History:
            events = EventViews(views, groups, targets)
            return fit_network(
                network,
                loss,
                events,
                kept,
                held,
                schedule,
                part_decay=parts,
                folder=run,
                settings=settings_of(self, seed, **fingerprint(events)) if run else None,
            )

        if trained is None:
            self.history_ = train(_spectra(network, records), schedule, folder)
        else:
            network.encoder.load_state_dict(trained.state_dict())
            features = embed(network.encoder, batches_of(records, "waveforms"), self.device)
            network.standard.learn(features)
            network.encoder.requires_grad_(False)
            self.history_ = train(Views({"features": features, **read}), schedule, folder)
            network.encoder.requires_grad_(True)
            if self.fine_tune:
                before = copy.deepcopy(network.state_dict())
                slower = _TUNING * min(1.0, len(kept) / self._enough)
                tuning = replace(schedule, learning_rate=slower * rate)
                further = None if folder is None else folder / "fine-tuning"
                rows = train(_spectra(network, records), tuning, further)
                if len(held) and _best(rows) >= _best(self.history_):
                    network.load_state_dict(before)
                first = len(self.history_)
                self.history_ += [{**row, "epoch": row["epoch"] + first} for row in rows]
        self.network_, self.form_ = network, form
        self.pretrained_ = trained is not None
        return self

    def _decays(self, events: int, rate: float) -> tuple[float, dict[str, float]]:
        """Weight decay of the head, and of parts of the network that have another one."""
        if self.weight_decay is not None:
            return self.weight_decay, {}
        if self._held is None:
            return _DECAY, {}
        # The fewer events, the less of what they seem to say is so.
        head, features = (min(held / events, _TAKEN / rate) for held in self._held)
        return head, {"encoder": _DECAY, "features": features}

    def _form_for(self, X: xr.Dataset) -> tuple[RecordForm, Any]:
        """Form of the records, and the trained encoder if there is one."""
        encoder = self.encoder
        if encoder is None and getattr(self, "pretrained_", False):
            raise ParameterError(
                "encoder must be a SeisCLIP: a fitted one, or one that is not, whose network is "
                "then trained from scratch. This head was loaded from a file, which holds its "
                "network and not the SeisCLIP that it began from: set_params(encoder=...)"
            )
        encoder = SeisCLIP() if encoder is None else encoder
        if not isinstance(encoder, SeisCLIP):
            raise ParameterError(
                "encoder must be a SeisCLIP: a fitted one, or one that is not, whose network is "
                "then trained from scratch, as for None; found "
                f"{type(encoder).__name__}"
            )
        self.encoder_size_ = (encoder.encoder, int(encoder.window))
        if hasattr(encoder, "network_"):
            return encoder.form_, encoder.network_["waveforms"]
        return RecordForm.of(X), None

    def _build(self, form: RecordForm, seed: int, beside: int, outputs: int) -> EventNetwork:
        import torch

        from seisgeo.estimators.event_network import EventNetwork

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder, size = make_spectrum_encoder(*self.encoder_size_, form)
            return EventNetwork(encoder, size.width, beside, outputs, self._votes)

    def _coordinates(self, X: xr.Dataset, form: RecordForm) -> list[str]:
        """Coordinates of the training set that the head reads beside the waveforms."""
        return []

    def _outputs(self) -> int:
        raise NotImplementedError

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        raise NotImplementedError

    def _loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _read(
        self, X: xr.Dataset, records: Records, form: RecordForm, *, learn: bool = False
    ) -> dict[str, np.ndarray]:
        """What stands beside the waveforms, float32, a row for each record.

        ``beside`` (event, number) is read by the network; the others are for :meth:`_outcome`.
        """
        return {"beside": np.zeros((len(records), 0), np.float32)}

    def _augmented(
        self, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """A batch with what is known to leave the answer as it is, or to change it in step."""
        return batch

    def _outcome(self, network: EventNetwork, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Output for each event (event, output)."""
        return network(batch)[0]

    def _required(self, X: xr.Dataset, name: str) -> np.ndarray:
        """A coordinate that the model was trained with, known for each record."""
        values = numbers_of(X, name)
        if values is None or not np.isfinite(values).all():
            raise ConventionError(
                f"coordinate {name!r}: the model was trained with it, and here it is missing "
                "for some records"
            )
        return values

    def _answer(self, X: xr.Dataset) -> np.ndarray:
        """Output of the network for each record, shape (event, output)."""
        import torch

        check_is_fitted(self, "network_")
        records = Records(self.form_.match(X))
        read = self._read(X, records, self.form_)
        features = embed(self.network_.encoder, batches_of(records, "waveforms"), self.device)
        groups = group_of(X)
        rows = {"features": features, "records": groups, **read}
        with torch.inference_mode():
            batch = {name: torch.from_numpy(values) for name, values in rows.items()}
            return self._outcome(self.network_, batch).numpy()[groups]

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        network = self.network_
        learned = {
            "form": self.form_.to_dict(),
            "encoder_size": list(self.encoder_size_),
            "reads": self.beside_,
            "numbers": [
                0 if network.beside is None else network.beside.in_features,
                network.output.out_features,
            ],
            "history": self.history_,
            "labels": self._labels(),
            "pretrained": self.pretrained_,
        }
        return network.state_dict(), learned

    def _labels(self) -> Any:
        """What was learned of labels and of what stands beside the waveforms, for JSON."""
        return None

    def _set_labels(self, labels: Any) -> None:
        """Restore what :meth:`_labels` gave."""

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        self.form_ = RecordForm.from_dict(learned["form"])
        size, window = learned["encoder_size"]
        self.encoder_size_ = (str(size), int(window))
        self.beside_ = learned["reads"]
        self._set_labels(learned["labels"])
        self.pretrained_ = bool(learned["pretrained"])
        network = self._build(self.form_, 0, *learned["numbers"])
        network.load_state_dict(weights)
        self.network_, self.history_ = network.eval(), learned["history"]


def _spectra(network: EventNetwork, records: Records) -> Views:
    """The records with their spectra, made once, in place of waveforms that are in memory."""
    import torch

    from seisgeo.encoders.spectrum import waveform_spectrum

    if records.arrays["waveforms"].nbytes > LOAD_BYTES:
        return records
    window = network.encoder.window
    parts = [
        waveform_spectrum(torch.from_numpy(waveforms), window).numpy()
        for waveforms in batches_of(records, "waveforms")
    ]
    beside = {name: array for name, array in records.arrays.items() if name != "waveforms"}
    return Views({"spectra": np.concatenate(parts), **beside})


def _best(history: list[dict[str, float]]) -> float:
    return min(row["val_loss"] for row in history)


def mean_and_scale(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each column; the latter one where nothing varies."""
    spread = values.std(axis=0)
    return values.mean(axis=0).tolist(), np.where(spread > 0, spread, 1.0).tolist()


def levels_of(records: Records) -> np.ndarray:
    """Logarithm (base 10) of each component's RMS, shape (event, component).

    How strong components are, the spectra of SeisCLIP leave out.
    A dead component is given the mean of the record's others.
    """
    rms = np.concatenate(
        [waveforms.std(axis=2, dtype=np.float64) for waveforms in batches_of(records, "waveforms")]
    )
    live = rms > 0
    levels = np.log10(np.where(live, rms, 1.0))
    mean = levels.sum(axis=1, keepdims=True) / np.maximum(live.sum(axis=1, keepdims=True), 1)
    return np.where(live, levels, mean)


_PARAMETERS = """
    Records with the same ``event_id`` are pooled and get one answer.

    Parameters
    ----------
    encoder : SeisCLIP or None, default None
        A fitted one, whose features are used; or one that is not, whose network is then trained
        from scratch. None stands for `SeisCLIP()`, not fitted.
    fine_tune : bool, default False
        Train the encoder's network, too, a copy of it: the encoder that was given stays as it is.
        First the head learns on the features as they are, then everything together at a tenth of
        the learning rate, as many epochs again: a head that knows nothing yet would spoil them, and
        so would few labels; of fewer than 500 events the rate is less in proportion, except for
        kinds.
        Where events are held out, what was learned first is kept unless the second part is better.
    batch_size, max_epochs : int, default 16 and 200
        Events of a step, and passes over them at most.
    learning_rate : float or None, default None
        AdamW's, which warms up and follows a cosine; by default 4e-3 for a head on trained
        features, and 2e-3 for a network from scratch.
    weight_decay : float or None, default None
        AdamW's; by default 1e-4, and for a head that finds mechanisms 400 over the number of
        events, ten times that for its layer over the features.
    validation_fraction : float, default 0.1
        Share of the events held out for early stopping; 0 trains to the end.
    patience : int, default 20
        Epochs without progress on them after which training stops.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split and batches.
    verbose : bool, default True
        Show a progress bar.
"""


def document(head: type) -> type:
    """Put the text of the parameters that all heads share into a class's docstring."""
    text = head.__doc__ or ""
    at = min(i for i in (text.find("    Attributes\n"), text.find("    References\n")) if i > 0)
    head.__doc__ = text[:at] + _PARAMETERS.lstrip("\n") + "\n" + text[at:]
    return head
