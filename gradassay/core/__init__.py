"""Words that every part shares: network, parameters, batch, noise, trace, claims, keys, errors."""
