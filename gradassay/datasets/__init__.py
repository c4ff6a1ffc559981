"""Readers of image data sets and batches."""
