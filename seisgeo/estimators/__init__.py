"""Estimators: the scikit-learn-style face of the encoders."""
