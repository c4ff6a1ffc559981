"""Moments, intervals, tests: statistics that know nothing of networks."""
