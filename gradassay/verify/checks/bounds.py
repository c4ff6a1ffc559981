"""Largest relative differences of two writings of one computation in float64.

A sum of n terms is off by at most ``n u`` of the sum of their sizes, u = 1.1e-16 (Higham, "Accuracy
and Stability of Numerical Algorithms", 2002, chapter 4), and by about ``sqrt(n) u`` where roundings
are independent. An array counts as no smaller than 1e-4 of the largest (`results.SMALLEST_ARRAY`),
so that its error counts ``1e4`` times at most: some ten terms give 1e-11 at worst and some 1e-12 as
a rule, the thousand of a convolution over its positions 1e-9 and 1e-11. Each bound is at least nine
times what the zoo's methods show, and at most a five-hundredth of one rounding to float32, 6e-8.
"""

from __future__ import annotations

# the same sums in another order, given the same noise; up to 1.1e-13 is seen. Backends also round
# the terms differently: where these cancel, relative to their size (`coarse_backend`)
SAME_NOISE = 1e-12
# single steps added up, in place of the whole sequence; up to 5e-15
STEPS = 1e-11
# a mean over up to 2^14 combinations of signs, in place of an average of differences; up to 2.1e-13
ENUMERATED = 1e-11
# torch autograd through another loop, with its own softmax; up to 6e-15
AUTOGRAD = 1e-10
