"""What commands, sweeps and notebooks work on: options, and all that is made from them."""
