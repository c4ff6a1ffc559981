"""Neurons in C: compiled on first use, where there is a compiler; each call has an eager twin."""
