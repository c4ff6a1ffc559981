"""The model in plain NumPy float64: the oracle, slow and clear."""
