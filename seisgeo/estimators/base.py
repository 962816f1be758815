"""What estimators share that are kept as files: a name for their weights, and saving."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from seisgeo.errors import ModelFileError

__all__ = ["SavedEstimator", "unchanged_unless_whole"]


Estimator = TypeVar("Estimator", bound=BaseEstimator)
Given = ParamSpec("Given")
Fitted = TypeVar("Fitted")


def unchanged_unless_whole(
    fit: Callable[Concatenate[Estimator, Given], Fitted],
) -> Callable[Concatenate[Estimator, Given], Fitted]:
    """Let a fit that fails or is stopped leave the estimator as it was: fitted before, or not.

    Parameters
    ----------
    fit : callable
        Method of an estimator that replaces attributes, and changes none in place.
    """

    @functools.wraps(fit)
    def whole(estimator: Estimator, *args: Given.args, **kwargs: Given.kwargs) -> Fitted:
        before = vars(estimator).copy()
        try:
            return fit(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return whole


class SavedEstimator(BaseEstimator):
    """An estimator whose networks and settings go into one file, which :func:`seisgeo.load` reads.

    A subclass says in ``_networks`` which fitted attribute has the networks, in ``_contents`` what
    the file holds, and takes it back in ``_restore(weights, learned)``.
    """

    _networks = "network_"

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Tensors by name, and what else was learned, as JSON."""
        raise NotImplementedError

    @property
    def model_id_(self) -> str:
        """Checksum of the weights: it names the embedding space."""
        from seisgeo.estimators.persistence import checksum

        check_is_fitted(self, self._networks)
        return checksum(getattr(self, self._networks).state_dict())

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike[str], *, sha256: str | None = None, device: str | None = None
    ) -> Self:
        """Load a model that comes with the package, or from a file or an address.

        Parameters
        ----------
        source : str or path-like
            A name of :func:`seisgeo.pretrained.available`, which needs no network; a file that
            :meth:`save` wrote; or an address (``https://…``), which is downloaded once.
        sha256 : str, optional
            Checksum of the file; an address needs one.
        device : str, optional
            As of the estimator; by default CUDA where there is one, whatever it was trained on.

        Returns
        -------
        estimator
            Fitted. To go on training on pairs of your own: ``model.set_params(warm_start=True)``.

        Raises
        ------
        ModelFileError
            If there is no such model, or its file is cut short, altered, or another estimator's.
        SeisgeoError
            If it cannot be downloaded whole.
        """
        from seisgeo.estimators.persistence import load
        from seisgeo.pretrained import model_file

        model = load(model_file(source, sha256))
        if not isinstance(model, cls):
            raise ModelFileError(
                f"{os.fspath(source)} is a model of {type(model).__name__}, not of {cls.__name__}"
            )
        return model.set_params(device=device)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save the fitted estimator as one file of safetensors.

        Parameters
        ----------
        path : path-like
            File to write, for instance ``line.seisbind``; :func:`seisgeo.load` reads it.
        overwrite : bool, default False
            Replace what stands there.

        Raises
        ------
        OutputExistsError
            If something does.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        from seisgeo.estimators.persistence import write_model

        check_is_fitted(self, self._networks)
        weights, learned = self._contents()
        write_model(self, weights, learned, path, overwrite=overwrite)
