"""What estimators share that are kept as files: a name for their weights, and saving."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

__all__ = ["SavedEstimator"]


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
