"""Fitting on arrays: what the Keras-like models and the estimators share."""
