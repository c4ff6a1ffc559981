"""Level 3: laws over a range of settings, one law a file."""
