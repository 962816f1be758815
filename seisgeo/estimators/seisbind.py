"""SeisBind: seismic, velocity and physics in one embedding space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from seisgeo.estimators import calibration
from seisgeo.estimators.base import unchanged_unless_whole
from seisgeo.estimators.binding import Binding
from seisgeo.estimators.matching import positions_of, prepare, reads_any_positions
from seisgeo.estimators.physics_rows import in_trained_order
from seisgeo.estimators.rows import Rows
from seisgeo.estimators.views import MODALITIES, views_of

if TYPE_CHECKING:
    from seisgeo.synth.stream import PairStream

__all__ = ["SeisBind"]


class SeisBind(Binding):
    """Bind gathers, velocity models and physical descriptors in one embedding space.

    Three encoders are trained so that the gathers, the velocity model and the descriptors of one
    sample fall on one point of a sphere, and other samples elsewhere. Nothing is labelled: the
    modalities supervise each other. The loss is ``seismic_weight * L(S, V) + physics_weight *
    L(V, P) + direct_weight * L(S, P)``; in the paper, without the last, velocity binds seismic and
    physics. Velocity models of a batch that differ by less than 10 m/s (RMS), and descriptors by
    less than a hundredth of their spread, are not contrasted with each other.

    Parameters
    ----------
    encoder : {"small", "shots", "paper"}, default "small"
        Key of :data:`seisgeo.encoders.ENCODERS`: "paper" is ResNet-18, "small" a quarter of its
        width and half of its depth. "shots" is as small, but reads each shot by itself, with its
        offsets, and embeds gathers of any sources and receivers.
    embedding_dim : int, default 256
        Length of the embeddings.
    seismic_weight, physics_weight : float, default 1.0 and 0.5
        The paper's lambda1 and lambda2, which are 1 and 0.1 there.
    direct_weight : float, default 0.0
        Of the loss between seismic and physics, which the paper does not have.
    readout_weight : float, default 1.0
        Of a linear read-out of the velocity model's first 64 principal components, and of its
        descriptors, from the features of its gathers, which become the embedding. It shows the
        encoder what to look for before it can tell samples apart; the paper does not have it, and
        it is gone after training.
    loss : {"info_nce", "sigmoid"}, default "info_nce"
        :func:`seisgeo.losses.info_nce` (the paper's) or :func:`seisgeo.losses.sigmoid`.
    hard_negatives : float, default 0.1
        In the second half of training, contrast gathers that are not augmented with near-twins of
        the batch's velocity models, too: models with another velocity in one layer, or with a
        small fault, see :func:`seisgeo.augment.near_twins`. How much a twin counts beside another
        model: with 1, more near-twins are told apart and fewer models are found in large galleries;
        0 leaves twins out.
    temperature : float, default 0.07
        First temperature of the loss; it is learned, within [0.01, 1].
    augment : bool, default True
        Train on gathers with field-like noise, dead traces, gain errors, and changes of phase and
        delay of the wavelet, so that field records are no strangers; and let the physics encoder
        learn from descriptors that are uncertain or unknown, too.
    stretch : float, default 0.0
        Train on models up to this share faster or slower, on gathers as much shorter or longer, and
        on the descriptors that go with them; 0.15 pays where there are only some hundred pairs.
    batch_size : int, default 128
        Samples contrasted with each other; under ``torchrun``, on all processes together.
    chunk_size : int or None, default None
        Samples that an encoder sees at once. A large batch then fits into a small memory, for half
        again the time; the gradient is the same.
    families_per_batch : int or None, default None
        Fill each batch from this many families (coordinate ``family``) only, so that samples are
        contrasted with what is hard to tell from them. None mixes all families.
    ema_decay : float or None, default 0.999
        Keep the exponential moving average of the weights, with this decay a step, instead of the
        last ones.
    max_epochs : int, default 40
        Passes over the training set at most.
    max_time : float or None, default None
        Seconds of training at most. The result then depends on the speed of the machine.
    learning_rate, weight_decay : float, default 2e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    validation_fraction : float, default 0.1
        Share of the samples held out for early stopping; 0 trains to the end.
    patience : int, default 8
        Epochs without progress on them after which training stops.
    warm_start : bool or "seismic", default False
        Let `fit` go on from the weights that the model has, of an earlier `fit`, of
        :meth:`from_pretrained` or of :func:`seisgeo.load`, instead of new ones. The training set
        may have other shapes: weights that do not fit it begin anew, and a warning names them.
        Gathers are thinned to the interval that the encoder knows, where their spectrum allows it.
        With "seismic" only the encoder of gathers learns, those of velocity models and descriptors
        stay as they are: for a few hundred pairs of another survey, whose gathers are new but whose
        earths are not.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split, batches and augmentation.
    verbose : bool, default True
        Show a progress bar.

    Attributes
    ----------
    encoders_ : torch.nn.ModuleDict
        The trained encoders, by modality.
    survey_ : Survey or None
        Survey of the training gathers; field gathers are matched to it.
    descriptors_ : list of str
        Names of the descriptors, in the physics encoder's order.
    thinning_ : int
        Samples of the gathers that one sample stands for when the encoder sees them: no more than
        their spectrum allows, see :func:`seisgeo.encoders.thinning.thinning_factor`.
    spectrum_ : numpy.ndarray
        Mean amplitude spectrum of the training gathers, from zero to their Nyquist frequency;
        field gathers are shaped to it.
    history_ : list of dict
        One row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ``val_recall_1``, ...
    confidence_ : Confidence or None
        What scores are worth, see :meth:`calibrate`; None where too few samples were held out.
    head_ : DescriptorHead or None
        Reads descriptors off the features of gathers.
    n_features_in_ : int
        Columns, when fitted on a bare array.

    Notes
    -----
    `fit` also takes a bare 2-D array, as other estimators of scikit-learn do: its rows are then one
    view, a table of attributes, and the embedding is learned from pairs of jittered copies.

    References
    ----------
    SeisBind, arXiv:2601.14607. Layer sizes, temperature and optimiser are not published.

    Examples
    --------
    >>> import seisgeo as sg
    >>> pairs = sg.synth.generate("curvefault-b", 16, workers=1, device="cpu", progress=False)
    >>> model = sg.SeisBind(max_epochs=1, random_state=0, verbose=False).fit(pairs)
    >>> model.transform(pairs).embedding.shape
    (16, 256)
    >>> hits = model.retrieve(pairs.isel(sample=[0]), gallery=pairs, k=3)
    >>> hits.velocity.dims
    ('query', 'rank', 'depth', 'x')
    """

    def __init__(
        self,
        encoder: str = "small",
        *,
        embedding_dim: int = 256,
        seismic_weight: float = 1.0,
        physics_weight: float = 0.5,
        direct_weight: float = 0.0,
        readout_weight: float = 1.0,
        loss: str = "info_nce",
        hard_negatives: float = 0.1,
        temperature: float = 0.07,
        augment: bool = True,
        stretch: float = 0.0,
        batch_size: int = 128,
        chunk_size: int | None = None,
        families_per_batch: int | None = None,
        ema_decay: float | None = 0.999,
        max_epochs: int = 40,
        max_time: float | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 8,
        warm_start: bool | Literal["seismic"] = False,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.embedding_dim = embedding_dim
        self.seismic_weight = seismic_weight
        self.physics_weight = physics_weight
        self.direct_weight = direct_weight
        self.readout_weight = readout_weight
        self.loss = loss
        self.hard_negatives = hard_negatives
        self.temperature = temperature
        self.augment = augment
        self.stretch = stretch
        self.batch_size = batch_size
        self.chunk_size = chunk_size
        self.families_per_batch = families_per_batch
        self.ema_decay = ema_decay
        self.max_epochs = max_epochs
        self.max_time = max_time
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @unchanged_unless_whole
    def fit(
        self,
        X: xr.Dataset | PairStream | Any,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        pairs_per_epoch: int | None = None,
        reuse: int | None = None,
    ) -> SeisBind:
        """Train the encoders.

        Parameters
        ----------
        X : xarray.Dataset, PairStream or array-like
            Pairs: ``amplitude (sample, source, time, receiver)`` and ``velocity (sample, depth,
            x)``, and ``descriptor_value (sample, descriptor)`` or what :mod:`seisgeo.descriptors`
            computes from the velocity. Or a :class:`seisgeo.synth.PairStream`, whose pairs are
            simulated while training runs. Or a bare 2-D array (see Notes of the class).
        y : None
            Ignored; scikit-learn passes it.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves
            (``history.csv``). The same call goes on from there after a kill, to the very weights
            that it would have reached without.
        pairs_per_epoch : int, optional
            Of a stream: pairs that make an epoch; 10 000 by default. The share
            `validation_fraction` of it (200 at least) is simulated first and held out.
        reuse : int, optional
            Of a stream: batches that a pair is part of, on average, before newer ones have taken
            its place among the last 16 384; 8 by default, because simulating a pair costs more than
            training on it. With 1 no pair is seen twice.

        Returns
        -------
        SeisBind
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If a modality is missing, or values are not finite or not in m/s.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        ModelFileError
            If its state was cut short or altered.
        ParameterError
            If a parameter cannot be.

        Warns
        -----
        DataWarning
            If, with `warm_start`, not all weights could be taken over.

        Notes
        -----
        After an error or Ctrl-C the estimator is what it was before the call; what was learned is
        in `checkpoint`.

        A stream is read from where it stands, and left there: the same call gives the same model.
        Batches have the estimator's `batch_size`, not the stream's. After a kill, pairs that are
        still in use are simulated again.

        Under ``torchrun`` the processes share each batch, and of a stream simulate different pairs;
        on several nodes `checkpoint` has to be a folder that all of them see.

        Examples
        --------
        >>> import seisgeo as sg
        >>> stream = sg.synth.PairStream(["flatvel-a", "curvefault-b"], seed=1, device="cpu")
        >>> model = sg.SeisBind(max_epochs=20, random_state=0)
        >>> model.fit(stream, checkpoint="run")           # doctest: +SKIP

        Go on with a general model on the pairs of a survey of one's own:

        >>> model = sg.SeisBind.from_pretrained("openfwi-small")           # doctest: +SKIP
        >>> model.set_params(warm_start=True, stretch=0.15,                # doctest: +SKIP
        ...                  max_epochs=40, max_time=None, patience=8)
        >>> model.fit(pairs)                                               # doctest: +SKIP
        """
        from seisgeo.estimators.fitting import fit

        fit(self, X, checkpoint, pairs_per_epoch, reuse)
        return self

    def calibrate(self, X: xr.Dataset) -> SeisBind:
        """Fit the probabilities of hits, and the intervals of descriptors, on other pairs.

        `fit` does it on its validation split; do it again where the model is to answer for other
        earths than it was trained on, or was trained without such a split.

        Parameters
        ----------
        X : xarray.Dataset
            Pairs that were not trained on, as for :meth:`fit`. Every other one serves as what is
            known, and trains the head that infers descriptors where `fit` left none; probabilities
            and intervals are calibrated on the rest.

        Returns
        -------
        SeisBind
            The estimator itself.

        Raises
        ------
        ParameterError
            If there are fewer than 40 pairs.
        """
        check_is_fitted(self, "encoders_")
        for name in ("seismic", "velocity"):
            X = prepare(self, X, name)
        views = views_of(in_trained_order(self, X), list(MODALITIES), self.thinning_)
        rows = np.arange(len(views))
        given = positions_of(X) if reads_any_positions(self) else ()
        calibration.calibrate(self, Rows(views, rows[::2]), Rows(views, rows[1::2]), 0, given)
        return self

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        from seisgeo.estimators.seisbind_file import contents

        return contents(self)

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        from seisgeo.estimators.seisbind_file import restore

        restore(self, weights, learned)
