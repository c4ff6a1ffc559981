"""Reports made from records only."""
