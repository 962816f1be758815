"""How far a hit can be trusted: calibrated probabilities, and a flag for strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["DEPTH", "Confidence", "fit_confidence", "strangers_of"]

#: Hits that share the probability; what lies beyond them has next to none.
DEPTH = 100

#: Share of gathers of the training survey that are flagged as strangers by mistake.
FALSE_ALARM = 0.05


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
        Weights of best score and log distance in the strangeness of a query, shape (2,).
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

    def is_stranger(self, query: np.ndarray, best: np.ndarray) -> np.ndarray:
        """Whether queries are like no gather of the training survey.

        Parameters
        ----------
        query : numpy.ndarray
            Embeddings, shape (query, feature).
        best : numpy.ndarray
            Score of the best hit of each, shape (query,).

        Returns
        -------
        numpy.ndarray
            Booleans, shape (query,).
        """
        return _features(query, best, self.mean, self.precision) @ self.slope > self.limit


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
    query: np.ndarray, gallery: np.ndarray, strangers: np.ndarray, known: np.ndarray
) -> Confidence:
    """Calibrate on pairs that were not trained on.

    Each query is asked twice: with its own model in the gallery, and with that taken out, where
    "none of them" is right. Temperature and score of "none" make these answers most likely. A
    stranger is told from its best score and from the Mahalanobis distance of its embedding to those
    of known gathers.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Unit embeddings of gathers and of their models, rows in step, shape (sample, feature).
    strangers : numpy.ndarray
        Of records that are no gathers, see :func:`strangers_of`.
    known : numpy.ndarray
        Of other gathers of the survey, not among the queries.

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
    score, strange = query @ gallery.T, strangers @ gallery.T
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
    seen = _features(query, score.max(axis=1), mean, precision)
    odd = _features(strangers, strange.max(axis=1), mean, precision)
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
    query: np.ndarray, best: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """Best score and log Mahalanobis distance, shape (query, 2)."""
    off = query - mean
    distance = np.einsum("qi,ij,qj->q", off, precision, off)
    return np.stack([best, np.log(np.maximum(distance, 1e-12))], axis=1)
