"""How far a hit can be trusted: calibrated probabilities, and a flag for strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["DEPTH", "Confidence", "coherence", "fit_confidence", "strangers_of"]

#: Hits that share the probability; what lies beyond them has next to none.
DEPTH = 100

#: Share of gathers of the training survey that are flagged as strangers by mistake.
FALSE_ALARM = 0.05

#: Samples that neighbouring traces are shifted against each other, at most.
LAGS = 3


@dataclass(frozen=True)
class Confidence:
    """What scores are worth, fitted on pairs that were not trained on.

    Parameters
    ----------
    temperature : float
        The probability of a hit grows as exp(score / temperature).
    none_score : float
        Score of the answer "none of them", which competes with the hits.
    mean, precision : numpy.ndarray
        Of the embeddings of gathers of the training survey: shape (feature,), (feature, feature).
    slope : numpy.ndarray
        Weights of log distance, log variance and coherence in the strangeness of a query,
        shape (3,).
    limit : float
        Strangeness above which a query is flagged.
    caught : float
        Share of made strangers that were flagged when it was fitted.
    """

    temperature: float
    none_score: float
    mean: np.ndarray
    precision: np.ndarray
    slope: np.ndarray
    limit: float
    caught: float

    def probabilities(self, score: np.ndarray) -> np.ndarray:
        """Probability of each hit that it is the query's own model.

        Parameters
        ----------
        score : numpy.ndarray
            Cosine similarities of the best hits, shape (query, hit); :data:`DEPTH` of them are
            enough.

        Returns
        -------
        numpy.ndarray
            The same shape; a row sums to one less the probability that it is none of them. Before
            the scores are seen, that is taken for as likely as not.
        """
        return _open_set(score, self.temperature, self.none_score)[:, :-1]

    def is_stranger(self, query: np.ndarray, coherent: np.ndarray) -> np.ndarray:
        """Whether queries are like no gather of the training survey.

        Parameters
        ----------
        query : numpy.ndarray
            Embeddings, shape (query, feature).
        coherent : numpy.ndarray
            :func:`coherence` of their gathers, shape (query,).

        Returns
        -------
        numpy.ndarray
            Booleans, shape (query,).
        """
        return _features(query, coherent, self.mean, self.precision) @ self.slope > self.limit


def coherence(gathers: np.ndarray) -> np.ndarray:
    """How like its neighbour each trace is, which noise and traces out of order are not.

    Parameters
    ----------
    gathers : numpy.ndarray
        Shape (sample, source, time, receiver), sampled no more finely than their wavelet needs;
        dead traces are zero and left out.

    Returns
    -------
    numpy.ndarray
        Shape (sample,): normalised cross-correlation of neighbouring live traces, at the best of 7
        lags, mean over a sample's pairs of traces. 0 where there is no pair.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(100) / 5)[None, None, :, None]
    >>> coherence(np.repeat(wave, 8, axis=3)).round(2)
    array([1.])
    """
    length = np.sqrt(np.square(gathers).sum(axis=2))
    live = (length[..., 1:] > 0) & (length[..., :-1] > 0)
    scale = np.where(live, length[..., 1:] * length[..., :-1], 1)
    nt = gathers.shape[2]
    best = np.full(scale.shape, -1.0)
    for lag in range(-LAGS, LAGS + 1):
        a = gathers[:, :, max(lag, 0) : nt + min(lag, 0), 1:]
        b = gathers[:, :, max(-lag, 0) : nt + min(-lag, 0), :-1]
        best = np.maximum(best, np.einsum("nstr,nstr->nsr", a, b) / scale)
    pairs = live.sum(axis=(1, 2))
    return np.where(live, best, 0).sum(axis=(1, 2)) / np.maximum(pairs, 1)


def strangers_of(gathers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Records that are no gathers, made of gathers: what a retrieval must not answer with trust.

    Parameters
    ----------
    gathers : numpy.ndarray
        Shape (sample, source, time, receiver).
    random : numpy.random.Generator
        Draws the noise and the orders.

    Returns
    -------
    numpy.ndarray
        The same shape, float32: by turns white noise, noise with each trace's own spectrum, and
        the traces in random order.
    """
    strange = np.empty_like(gathers, dtype=np.float32)
    strange[0::3] = random.normal(size=gathers[0::3].shape)
    spectrum = np.fft.rfft(gathers[1::3], axis=2)
    phase = np.exp(2j * np.pi * random.random(spectrum.shape))
    strange[1::3] = np.fft.irfft(np.abs(spectrum) * phase, n=gathers.shape[2], axis=2)
    for i in range(2, len(gathers), 3):
        strange[i] = gathers[i][:, :, random.permutation(gathers.shape[3])]
    return strange


def fit_confidence(
    query: np.ndarray,
    gallery: np.ndarray,
    strangers: np.ndarray,
    known: np.ndarray,
    coherent: tuple[np.ndarray, np.ndarray],
) -> Confidence:
    """Calibrate on pairs that were not trained on.

    Each query is asked twice: with its own model in the gallery, and with that taken out, where
    "none of them" is right. Temperature and score of "none" make these answers most likely. A
    stranger is told from the Mahalanobis distance of its embedding to those of known gathers, from
    how much its scores differ among those, and from the coherence of its traces.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Unit embeddings of gathers and of their models, rows in step, shape (sample, feature).
    strangers : numpy.ndarray
        Of records that are no gathers, see :func:`strangers_of`.
    known : numpy.ndarray
        Of other gathers of the survey, not among the queries.
    coherent : (numpy.ndarray, numpy.ndarray)
        :func:`coherence` of the queries and of the strangers.

    Returns
    -------
    Confidence

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599; Lee et al.
    (2018), arXiv:1807.03888 (Mahalanobis distance of features).
    """
    from scipy.optimize import minimize
    from sklearn.covariance import LedoitWolf
    from sklearn.linear_model import LogisticRegression

    n = len(query)
    score = query @ gallery.T
    own = np.arange(n)
    without = score.copy()
    without[own, own] = -np.inf

    def loss(parameters: np.ndarray) -> float:
        temperature, none = np.exp(parameters[0]), parameters[1]
        right = (
            _open_set(score, temperature, none)[own, own],
            _open_set(without, temperature, none)[:, -1],
        )
        return -float(np.mean([np.log(np.maximum(p, 1e-12)).mean() for p in right]))

    start = [np.log(0.05), float(np.median(without.max(axis=1)))]
    log_temperature, none_score = minimize(loss, start, method="Nelder-Mead").x

    spread = LedoitWolf().fit(known)
    mean, precision = spread.location_, spread.precision_
    seen = _features(query, coherent[0], mean, precision)
    odd = _features(strangers, coherent[1], mean, precision)
    scale = np.maximum(np.concatenate([seen, odd]).std(axis=0), 1e-12)
    detector = LogisticRegression(class_weight="balanced")
    detector.fit(np.concatenate([seen, odd]) / scale, np.repeat([0, 1], [len(seen), len(odd)]))
    slope = detector.coef_[0] / scale
    limit = float(np.quantile(seen @ slope, 1 - FALSE_ALARM))
    return Confidence(
        float(np.exp(log_temperature)),
        float(none_score),
        mean,
        precision,
        slope,
        limit,
        float((odd @ slope > limit).mean()),
    )


def _open_set(score: np.ndarray, temperature: float, none_score: float) -> np.ndarray:
    """Softmax over the hits and, last, the answer that it is none of them."""
    logits = np.concatenate([score, np.full((len(score), 1), none_score)], axis=1) / temperature
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def _features(
    query: np.ndarray, coherent: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """What tells a stranger, shape (query, 3).

    Log Mahalanobis distance to known gathers; log variance of the scores among those, to all of
    which noise is as near; coherence.
    """
    off = query - mean
    distance, variance = (
        np.log(np.maximum(np.einsum("qi,ij,qj->q", off, matrix, off), 1e-12))
        for matrix in (precision, np.linalg.inv(precision))
    )
    return np.stack([distance, variance, coherent], axis=1)
