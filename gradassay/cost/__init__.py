"""Operations, memory and time of an update: counted while it runs, and in closed form.

What counts as an operation, everywhere in this room:

- Only *synaptic* operations count: products of an activity, an error or a noise value with a
  connection of a layer, of its weight gradient, or of a feedback matrix. Biases, neuron updates,
  surrogate derivatives, traces, losses and the generation of noise are element by element and do
  not count, as in NeuroBench.
- An activity that takes only the values -1, 0 and 1 is a spike: each one that is not 0 costs an
  accumulate (AC) on each of its connections, and a 0 costs nothing.
- Any other product is a multiply-accumulate (MAC), counted dense: a 0 costs as much as another
  value. The *effective* MACs leave out the products whose activity or error is 0. Zero weights are
  not looked for (NeuroBench leaves them out too): a trained dense layer has none.
- A noisy layer sends ``s + alpha z``, and ``W (s + alpha z) = W s + W (alpha z)``: ACs driven by
  the spikes, plus MACs of the noise on every connection.
- A static input is presented at each of the T steps, as neuromorphic hardware has to, although a
  program may compute its current once.

References
----------
Yik et al., "The NeuroBench framework for benchmarking neuromorphic computing algorithms and
systems", Nature Communications 16, 2025 (arXiv 2304.04640, 2023): synaptic operations.
"""

from gradassay.cost.closed_form import Cost, closed_form
from gradassay.cost.counting import CountingBackend, Counts
from gradassay.cost.declared import Declared, FeedbackMatrix, declared
from gradassay.cost.measure import cost_rows
from gradassay.cost.timing import interleaved_seconds, median_interval

__all__ = [
    "Cost",
    "CountingBackend",
    "Counts",
    "Declared",
    "FeedbackMatrix",
    "closed_form",
    "cost_rows",
    "declared",
    "interleaved_seconds",
    "median_interval",
]
