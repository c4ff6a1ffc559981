"""Cross-checks of other implementations against the reference."""
