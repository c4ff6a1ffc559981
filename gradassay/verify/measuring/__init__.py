"""Bias, variance and direction of estimates, measured with intervals."""
