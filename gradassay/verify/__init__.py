"""Moments, oracles, checks."""
