"""Checks that an estimator's claims call for."""
