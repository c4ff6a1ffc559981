/* A matrix of zeros and ones, or of signs, times a matrix, by tables of sums.

   Included once for each precision, with REAL and NAME(x) defined. Four entries of a row are one of
   16 sums of four rows of the matrix on the right, which are made once for all rows on the left
   (Arlazarov, Dinic, Kronrod and Faradzev 1970: "four Russians"). The tables of a word of bits fit
   a first-level cache. Every row of the result is summed in the same order, so that it does not
   depend on the number of threads, nor on other rows. */

#define PANEL ((int64_t)(SUM_BYTES / sizeof(REAL)))     /* columns at once */
typedef REAL NAME(vector) __attribute__((vector_size(64)));

typedef struct {
    int64_t replicates, rows, inner, columns;   /* of each replicate: (rows, inner) (inner, columns) */
    const uint32_t *bits;       /* (replicates, words, rows); the last word's missing entries are 0 */
    const REAL *right;          /* its row k: (k / row_block) row_far + (k % row_block) row_near */
    int64_t right_replicate, row_block, row_far, row_near, right_column;
    REAL *out;
    int64_t out_replicate, out_row, out_column;
    const REAL *bias;           /* added to each row; null for 0 */
    const REAL *term;           /* (rows, columns) added, times scale; null for 0 */
    int64_t step;               /* rows of a step of the term; with pairs, step 2j + 1 has -term[j] */
    REAL scale, factor;         /* factor: of the product */
    int32_t signs, pairs;
} NAME(product);

/* sums of all subsets of the four rows of each group of a word; signed: of all choices of sign */
static void NAME(build)(const NAME(product) *p, const REAL *right, int64_t word, int64_t column,
                        NAME(vector) *restrict table)
{
    const int64_t n = least(PANEL, p->columns - column);
    for (int64_t g = 0; g < WORD / GROUP; g++) {
        NAME(vector) rows[GROUP][VECTORS] = {0}, *restrict sums = table + g * SUMS * VECTORS;
        for (int64_t j = 0; j < GROUP; j++) {
            const int64_t k = word * WORD + g * GROUP + j;
            if (k >= p->inner)
                break;
            const REAL *from = right + k / p->row_block * p->row_far +
                               k % p->row_block * p->row_near + column * p->right_column;
            REAL row[PANEL] = {0};
            if (p->right_column == 1)
                memcpy(row, from, n * sizeof(REAL));
            else
                for (int64_t i = 0; i < n; i++)
                    row[i] = from[i * p->right_column];
            memcpy(rows[j], row, sizeof row);
        }
        memset(sums, 0, VECTORS * sizeof *sums);
        for (int64_t j = 0; j < GROUP; j++)
            for (int64_t m = 0; m < VECTORS << j; m++) {
                sums[m + (VECTORS << j)] = sums[m] + rows[j][m % VECTORS];
                if (p->signs)
                    sums[m] -= rows[j][m % VECTORS];
            }
    }
}

/* add the sums that a word chooses, in two chains for each vector */
static inline void NAME(choose)(const NAME(vector) *restrict table, uint32_t word,
                                NAME(vector) *restrict sum)
{
    const char *sums = (const char *)table;
    NAME(vector) a = sum[0], b = sum[1], c = {0}, d = {0};
#pragma GCC unroll 8
    for (int32_t g = 0; g < WORD / GROUP; g += 2) {
        const NAME(vector) *even = (const NAME(vector) *)(sums + offset_of(word, g));
        const NAME(vector) *odd = (const NAME(vector) *)(sums + offset_of(word, g + 1));
        a += even[0];
        b += even[1];
        c += odd[0];
        d += odd[1];
    }
    sum[0] = a + c;
    sum[1] = b + d;
}

/* one row of a panel: the sum times a factor, and what is added */
static void NAME(finish)(const NAME(product) *p, int64_t row, int64_t column,
                         const NAME(vector) *restrict sum, REAL *restrict out)
{
    const int64_t n = least(PANEL, p->columns - column);
    REAL s[PANEL];
    memcpy(s, sum, sizeof s);
    for (int64_t i = 0; i < PANEL; i++)
        s[i] *= p->factor;
    if (p->bias)
        for (int64_t i = 0; i < n; i++)
            s[i] += p->bias[column + i];
    if (p->term) {
        const int64_t t = row / p->step;
        const int64_t at = p->pairs ? t / 2 * p->step + row % p->step : row;
        const REAL *term = p->term + at * p->columns + column;
        const REAL scale = p->pairs && t % 2 ? -p->scale : p->scale;
        for (int64_t i = 0; i < n; i++)
            s[i] += scale * term[i];
    }
    if (p->out_column == 1)
        memcpy(out, s, n * sizeof(REAL));
    else
        for (int64_t i = 0; i < n; i++)
            out[i * p->out_column] = s[i];
}

void NAME(multiply)(const NAME(product) *p, int32_t threads)
{
    const int64_t panels = (p->columns + PANEL - 1) / PANEL, whole = p->replicates * panels;
    const int64_t least_parts = whole < 4 * threads ? threads : 1;
    const int64_t fitting = (p->rows + MOST_ROWS - 1) / MOST_ROWS;
    const int64_t parts = fitting > least_parts ? fitting : least_parts;
    const int64_t part = (p->rows + parts - 1) / parts, words = (p->inner + WORD - 1) / WORD;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t task = 0; task < whole * parts; task++) {
        NAME(vector) table[WORD / GROUP * SUMS * VECTORS], sums[MOST_ROWS * VECTORS];
        const int64_t replicate = task / parts / panels, column = task / parts % panels * PANEL;
        const int64_t from = task % parts * part, n = least(part, p->rows - from);
        if (n <= 0)
            continue;
        const REAL *right = p->right + replicate * p->right_replicate;
        const uint32_t *bits = p->bits + replicate * words * p->rows + from;
        REAL *out = p->out + replicate * p->out_replicate + from * p->out_row +
                    column * p->out_column;
        memset(sums, 0, n * VECTORS * sizeof *sums);
        for (int64_t word = 0; word < words; word++) {
            NAME(build)(p, right, word, column, table);
            for (int64_t row = 0; row < n; row++)
                NAME(choose)(table, bits[word * p->rows + row], sums + row * VECTORS);
        }
        for (int64_t row = 0; row < n; row++)
            NAME(finish)(p, from + row, column, sums + row * VECTORS, out + row * p->out_row);
    }
}

/* bits of the rows of a matrix, row r at (r / block) far + (r % block) inner; 0 where an entry is
   another number than 0 and 1, or than -1 and 1 */
int32_t NAME(pack)(const REAL *values, int64_t rows, int64_t inner, int64_t block, int64_t far,
                   int32_t signs, uint32_t *bits, int32_t threads)
{
    const int64_t words = (inner + WORD - 1) / WORD;
    const REAL low = signs ? -1 : 0;
    int32_t wrong = 0;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(| : wrong)
    for (int64_t r = 0; r < rows; r++) {
        const REAL *v = values + r / block * far + r % block * inner;
        for (int64_t w = 0; w < words && !wrong; w++) {
            uint32_t ones = 0, bad = 0;
            const int64_t n = least(WORD, inner - w * WORD);
            for (int64_t k = 0; k < n; k++) {
                const REAL x = v[w * WORD + k];
                ones |= (uint32_t)(x == 1) << k;
                bad |= (x != 1) & (x != low);
            }
            bits[w * rows + r] = ones;
            wrong |= (int32_t)bad;
        }
    }
    return !wrong;
}

/* the same of columns: values (steps, replicates, samples, columns), for each replicate and column
   its entries of all steps and samples; zeros and ones only */
int32_t NAME(pack_columns)(const REAL *values, int64_t steps, int64_t replicates, int64_t samples,
                           int64_t columns, uint32_t *bits, int32_t threads)
{
    const int64_t inner = steps * samples, words = (inner + WORD - 1) / WORD;
    int32_t wrong = 0;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(| : wrong)
    for (int64_t task = 0; task < replicates * words; task++) {
        const int64_t replicate = task / words, word = task % words;
        uint32_t *restrict to = bits + task * columns;
        memset(to, 0, columns * sizeof(uint32_t));
        for (int64_t k = word * WORD; k < least(inner, (word + 1) * WORD) && !wrong; k++) {
            const int64_t row = (k / samples * replicates + replicate) * samples + k % samples;
            const REAL *v = values + row * columns;
            uint32_t bad = 0;
            for (int64_t i = 0; i < columns; i++) {
                to[i] |= (uint32_t)(v[i] == 1) << (k % WORD);
                bad |= (v[i] != 1) & (v[i] != 0);
            }
            wrong |= (int32_t)bad;
        }
    }
    return !wrong;
}

/* zeros and ones (rows, inner) of the words that `pack` makes of them */
void NAME(spread)(const uint32_t *bits, int64_t rows, int64_t inner, REAL *values, int32_t threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; r++)
        for (int64_t from = 0; from < inner; from += WORD) {
            const int32_t word = (int32_t)bits[from / WORD * rows + r];
            const int64_t n = least(WORD, inner - from);
            REAL *restrict to = values + r * inner + from;
            if (n == WORD)
                for (int32_t k = 0; k < WORD; k++)
                    to[k] = (REAL)(word >> k & 1);
            else
                for (int32_t k = 0; k < n; k++)
                    to[k] = (REAL)(word >> k & 1);
        }
}

/* whether step 2j + 1 is the negative of step 2j, for all pairs of steps of a size */
int32_t NAME(opposite)(const REAL *values, int64_t pairs, int64_t size, int32_t threads)
{
    const int64_t block = 4096, blocks = (size + block - 1) / block;
    int32_t wrong = 0;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(| : wrong)
    for (int64_t task = 0; task < pairs * blocks; task++) {
        if (wrong)
            continue;
        const int64_t start = task % blocks * block, n = least(block, size - start);
        const REAL *one = values + task / blocks * 2 * size + start, *other = one + size;
        int32_t bad = 0;
        for (int64_t i = 0; i < n; i++)
            bad |= other[i] != -one[i];
        wrong |= bad;
    }
    return !wrong;
}

#undef PANEL
