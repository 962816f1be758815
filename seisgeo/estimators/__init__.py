"""Estimators: the scikit-learn-style face of the encoders."""

#: Those that can be saved and loaded, and where they live; each loads with its first use.
HOMES = {
    "DomainClassifier": "seisgeo.estimators.domain_classifier",
    "EventClassifier": "seisgeo.estimators.event_classifier",
    "EventLocator": "seisgeo.estimators.event_locator",
    "LaCIMClassifier": "seisgeo.estimators.lacim",
    "MechanismRegressor": "seisgeo.estimators.mechanism_regressor",
    "SeisBind": "seisgeo.estimators.seisbind",
    "SeisCLIP": "seisgeo.estimators.seisclip",
    "SeisSimCLR": "seisgeo.estimators.seissimclr",
}
