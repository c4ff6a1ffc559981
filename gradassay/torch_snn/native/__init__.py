"""The fast forms in C, compiled on first use where there is a compiler; each has an eager twin."""
