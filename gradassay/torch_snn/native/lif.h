/* One layer of leaky integrate-and-fire neurons over a block of steps, in one pass over memory.

   Included once for each precision, with REAL, EXP(x) and NAME(x) defined. The equations are those
   of gradassay/torch_snn/neuron.py, surrogate.py and traces.py. Every neuron is on its own, so that
   results do not depend on the number of threads. */

#define BLOCK ((int64_t)(1024 / sizeof(REAL)))  /* neurons at once; measured */

typedef struct {
    int64_t steps, size, row;   /* t, neurons of all rows, and of one row */
    int64_t current_stride;     /* from one step's currents to the next's; 0 where they are static */
    const REAL *currents;       /* I */
    const REAL *rested;         /* v of the step before; null for 0 */
    const REAL *noise;          /* z (t, size); null for none, */
    const uint8_t *signs;       /* or where it is signs that are bits still; null for none */
    const REAL *trace_before, *received_trace_before; /* null for 0 */
    REAL *membrane, *spikes, *received, *derivative;  /* (t, size); null where not wanted */
    REAL *trace, *received_trace;   /* (t, size); null where not wanted; only with the last step */
    REAL *left;                 /* v of the last step */
    REAL *trace_left, *received_trace_left; /* of the last step; null where not wanted */
    uint32_t *bits;             /* spikes as the words that `pack` makes; null where not wanted */
    REAL scale, leak, threshold, sharpness; /* alpha, leak, V_th, k */
    int32_t on_membrane, reset, surrogate;
    int32_t pairs;              /* signs of step 2j alone: step 2j + 1 has their negatives */
} NAME(layer);

/* z of one step from its bits, 1 for +1, the highest bit of a byte first */
static inline void NAME(unpack)(const NAME(layer) *p, int64_t t, int64_t start, int64_t n,
                                REAL *restrict z)
{
    const uint8_t *from = p->signs + (p->pairs ? t / 2 : t) * (p->size / 8) + start / 8;
    const int32_t flip = p->pairs && t % 2 ? 255 : 0;
    for (int64_t i = 0; i < n; i += 8) {
        const int32_t byte = from[i / 8] ^ flip;
        for (int32_t j = 0; j < 8; j++)
            z[i + j] = (REAL)(2 * (byte >> (7 - j) & 1) - 1);
    }
}

/* psi(x), x = u - V_th, in place */
static inline void NAME(derive)(REAL *restrict x, int64_t n, int32_t kind, REAL k)
{
    const REAL one = 1, half = (REAL)0.5;
    switch (kind) {
    case SIGMOID:
        for (int64_t i = 0; i < n; i++) {
            REAL e = EXP(-FABS(k * x[i]));
            x[i] = k * e / ((one + e) * (one + e));
        }
        break;
    case ARCTAN:
        for (int64_t i = 0; i < n; i++) {
            REAL y = (REAL)1.57079632679489661923 * k * x[i];
            x[i] = half * k / (one + y * y);
        }
        break;
    case TRIANGLE:
        for (int64_t i = 0; i < n; i++) {
            REAL y = one - k * FABS(x[i]);
            x[i] = k * (y < 0 ? 0 : y);
        }
        break;
    case RECTANGLE:
        for (int64_t i = 0; i < n; i++)
            x[i] = FABS(x[i]) < half / k ? k : 0;
        break;
    case SUPERSPIKE:
        for (int64_t i = 0; i < n; i++) {
            REAL y = one + k * FABS(x[i]);
            x[i] = one / (y * y);
        }
        break;
    default: /* GAUSSIAN */
        for (int64_t i = 0; i < n; i++) {
            REAL y = k * x[i];
            x[i] = k * (REAL)0.39894228040143267794 * EXP(-half * y * y);
        }
    }
}

/* spikes of one step of neurons of one row, a bit each, to the row's words; past the last one the
   array has room for a word */
static inline void NAME(emit)(const NAME(layer) *p, int64_t t, int64_t start, int64_t n,
                              REAL *restrict s)
{
    const int64_t rows = p->size / p->row, all = p->steps * rows;
    uint32_t *bits = p->bits + start % p->row / WORD * all + t * rows + start / p->row;
    for (int64_t i = n; i % WORD; i++)
        s[i] = 0;
    for (int64_t i = 0; i < n; i += WORD) {
        uint32_t ones = 0;
        for (int64_t k = 0; k < WORD; k++)
            ones |= (uint32_t)(s[i + k] == 1) << k;
        bits[i / WORD * all] = ones;
    }
}

/* one step of at most BLOCK neurons: u in, v and the records out */
static inline void NAME(step)(const NAME(layer) *p, int64_t t, int64_t start, int64_t n,
                              REAL *restrict v, REAL *restrict trace, REAL *restrict received)
{
    REAL u[BLOCK], s[BLOCK], seen[BLOCK], unpacked[BLOCK];
    const int64_t at = t * p->size + start;
    const REAL *current = p->currents + t * p->current_stride + start;
    const REAL *z = p->noise ? p->noise + at : p->signs ? unpacked : 0;
    const REAL leak = p->leak, threshold = p->threshold, scale = p->scale;

    if (p->signs)
        NAME(unpack)(p, t, start, n, unpacked);
    for (int64_t i = 0; i < n; i++)
        u[i] = current[i] + leak * v[i];
    if (z && p->on_membrane)
        for (int64_t i = 0; i < n; i++)
            seen[i] = u[i] + scale * z[i];
    else
        memcpy(seen, u, n * sizeof(REAL));
    for (int64_t i = 0; i < n; i++)
        s[i] = seen[i] >= threshold ? 1 : 0;
    if (p->reset == SOFT)
        for (int64_t i = 0; i < n; i++)
            v[i] = u[i] - threshold * s[i];
    else if (p->reset == HARD)
        for (int64_t i = 0; i < n; i++)
            v[i] = u[i] - u[i] * s[i];
    else
        memcpy(v, u, n * sizeof(REAL));

    if (p->membrane)
        memcpy(p->membrane + at, u, n * sizeof(REAL));
    if (p->spikes)
        memcpy(p->spikes + at, s, n * sizeof(REAL));
    if (p->bits)
        NAME(emit)(p, t, start, n, s);
    if (p->derivative) {
        for (int64_t i = 0; i < n; i++)
            seen[i] -= threshold;
        NAME(derive)(seen, n, p->surrogate, p->sharpness);
        memcpy(p->derivative + at, seen, n * sizeof(REAL));
    }
    if (p->trace_left)
        for (int64_t i = 0; i < n; i++)
            trace[i] = s[i] + leak * trace[i];
    if (p->trace)
        memcpy(p->trace + at, trace, n * sizeof(REAL));
    if (z && !p->on_membrane)
        for (int64_t i = 0; i < n; i++)
            s[i] += scale * z[i];
    if (p->received)
        memcpy(p->received + at, s, n * sizeof(REAL));
    if (p->received_trace_left)
        for (int64_t i = 0; i < n; i++)
            received[i] = s[i] + leak * received[i];
    if (p->received_trace)
        memcpy(p->received_trace + at, received, n * sizeof(REAL));
}

static inline void NAME(load)(REAL *restrict to, const REAL *from, int64_t start, int64_t n)
{
    if (from)
        memcpy(to, from + start, n * sizeof(REAL));
    else
        memset(to, 0, n * sizeof(REAL));
}

/* neurons of a block, which with bits lie in one row, and start where a word does */
static void NAME(run_block)(const NAME(layer) *p, int64_t start, int64_t n)
{
    REAL v[BLOCK], trace[BLOCK], received[BLOCK];
    NAME(load)(v, p->rested, start, n);
    NAME(load)(trace, p->trace_before, start, n);
    NAME(load)(received, p->received_trace_before, start, n);
    for (int64_t t = 0; t < p->steps; t++)
        NAME(step)(p, t, start, n, v, trace, received);
    memcpy(p->left + start, v, n * sizeof(REAL));
    if (p->trace_left)
        memcpy(p->trace_left + start, trace, n * sizeof(REAL));
    if (p->received_trace_left)
        memcpy(p->received_trace_left + start, received, n * sizeof(REAL));
}

void NAME(run)(const NAME(layer) *p, int32_t threads)
{
    const int64_t whole = p->bits ? p->row : p->size, blocks = (whole + BLOCK - 1) / BLOCK;
    if (whole == 0)
        return;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t task = 0; task < p->size / whole * blocks; task++) {
        const int64_t from = task % blocks * BLOCK, left = whole - from;
        NAME(run_block)(p, task / blocks * whole + from, left < BLOCK ? left : BLOCK);
    }
}

#undef BLOCK
