"""Training on full data sets."""
