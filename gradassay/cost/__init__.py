"""Operations, memory and time of an update: counted while it runs, and in closed form.

What layers are: `connections`, `operations`. Counted: `counting` (the model's products) and `tally`
(what NumPy multiplies), backends that are `wrapped` around another; `peaks`, `torch_peaks`,
`timing`. In closed form: `declared`, `closed_form`, `memory`, `effective`, `energy`. Order:
`intervention`, `locking`, `critical_path`. Rows of results: `measure`, `order`, `scaling`,
`time_curves`.

What counts as an operation, everywhere in this room:

- Only *synaptic* operations count: products of an activity, an error or a noise value with a
  connection of a layer, of its weight gradient, or of a feedback matrix. Biases, neuron updates,
  surrogate derivatives, traces, losses and the generation of noise are element by element and do
  not count, as in NeuroBench.
- Layers without weights are not synaptic: pooling, scaling, sums, as the field folds them into the
  weights that follow. A layer with weights has outputs times fan-in connections: n_out n_in of a
  dense layer, of a convolution those to its padding included, of a gain one an output.
- A spike costs an accumulate (AC) on each of its connections; no spike costs nothing. Spikes are
  what reaches a weighted layer from neurons that are not smooth, through layers without weights: a
  value that is not 0 after a pool, a scaling or a sum is one spike, which carries a weight. The
  network's input is spikes if it has no other values than -1, 0 and 1. In a convolution each spike
  is counted on the outputs that it does reach: fewer at borders, and between a stride's positions.
- Any other product is a multiply-accumulate (MAC), counted dense: a 0 costs as much as another
  value. The *effective* operations leave out the products whose activity or error is 0, and are ACs
  where the activity is a spike, in the weight gradients too. Zero weights are not looked for
  (NeuroBench leaves them out too): a trained layer has none.
- A noisy layer sends ``s + alpha z``, and ``W (s + alpha z) = W s + W (alpha z)``: ACs driven by
  the spikes, plus MACs of the noise on every connection. Noise on the membrane potential shows in
  the spikes alone: no products.
- A static input is presented at each of the T steps, as neuromorphic hardware has to, although a
  program may compute its current once.
- Standardising weights, and what follows from it, is element by element in the weights: free.

References
----------
Yik et al., "The NeuroBench framework for benchmarking neuromorphic computing algorithms and
systems", Nature Communications 16, 2025 (arXiv 2304.04640, 2023): synaptic operations.
"""

from gradassay.cost.closed_form import Cost, closed_form
from gradassay.cost.counting import CountingBackend, Counts
from gradassay.cost.critical_path import sequential_depth
from gradassay.cost.declared import Declared, FeedbackMatrix, declared
from gradassay.cost.effective import Synaptic, synaptic_operations
from gradassay.cost.energy import energies
from gradassay.cost.locking import Locking, locking
from gradassay.cost.measure import cost_rows
from gradassay.cost.memory import Memory, memory
from gradassay.cost.order import order_rows, peak_rows
from gradassay.cost.peaks import peak_bytes
from gradassay.cost.scaling import exponent_points, feedback_points
from gradassay.cost.time_curves import time_points
from gradassay.cost.timing import interleaved_seconds, median_interval

__all__ = [
    "Cost",
    "CountingBackend",
    "Counts",
    "Declared",
    "FeedbackMatrix",
    "Locking",
    "Memory",
    "Synaptic",
    "closed_form",
    "cost_rows",
    "declared",
    "energies",
    "exponent_points",
    "feedback_points",
    "interleaved_seconds",
    "locking",
    "median_interval",
    "memory",
    "order_rows",
    "peak_bytes",
    "peak_rows",
    "sequential_depth",
    "synaptic_operations",
    "time_points",
]
