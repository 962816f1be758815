"""scikit-learn's own checks. `fit` takes their bare arrays as one view (see SeisBind's notes)."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from seisgeo import SeisBind

#: Checks that are expected to fail, with the reason.
EXPECTED = {
    "check_transformer_preserve_dtypes": "embeddings are float32, the encoders' type, always",
}


@parametrize_with_checks(
    [SeisBind(max_epochs=2, batch_size=32, device="cpu", random_state=0, verbose=False)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
