"""The zoo of gradient estimators."""
