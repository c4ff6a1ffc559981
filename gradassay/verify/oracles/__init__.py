"""What means and variances should be: small problems and their exact values."""
