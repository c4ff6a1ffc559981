"""Variance against what it should depend on: closed forms, exponents, the age of feedback."""
