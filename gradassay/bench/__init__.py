"""Speed of training steps: ratios to the bare products of the same shapes and to other libraries.

Times of one machine say little about another, and shared machines are noisy: everything that is
compared runs in one process, taking turns, and is reported as a ratio of the times of one round.
"""
