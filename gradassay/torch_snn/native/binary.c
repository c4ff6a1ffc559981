/* Products with zeros and ones, or with signs, in both precisions; see binary.h. */

#include <stdint.h>
#include <string.h>

#define WORD 32                     /* entries of a row in a word of bits, */
#define GROUP 4                     /* and in a group */
#define SUMS (1 << GROUP)           /* sums of a group */
#define VECTORS 2                   /* vectors of 64 bytes in a sum */
#define SUM_BYTES (64 * VECTORS)
#define MOST_ROWS ((int64_t)1024)    /* rows whose sums are under way at once: they fit a cache */

/* bytes from a word's first sum to the one that it chooses in a group: three instructions */
static inline uint64_t offset_of(uint32_t word, int32_t group)
{
    const int32_t shift = GROUP * group - 7;    /* SUM_BYTES is 2^7 */
    const uint64_t place = shift < 0 ? (uint64_t)word << -shift : word >> shift;
    return (uint64_t)group * SUMS * SUM_BYTES + (place & (SUMS - 1) * SUM_BYTES);
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#define REAL float
#define NAME(x) x##_float32
#include "binary.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(x) x##_float64
#include "binary.h"

/* the next 32 bits of a stream from a bit on, the highest bit of a byte first, as a word whose
   lowest bit is the first; bits past the end are 0 */
static inline uint32_t word_at(const uint8_t *stream, int64_t bit, int64_t bytes)
{
    uint64_t high = 0;
    for (int64_t j = 0; j < 5; j++)
        high = high << 8 | (bit / 8 + j < bytes ? stream[bit / 8 + j] : 0);
    uint32_t x = (uint32_t)(high >> (8 - bit % 8));
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return x >> 24 | (x >> 8 & 0xff00u) | (x << 8 & 0xff0000u) | x << 24;
}

/* words of the rows of a stream of bits, as `pack` makes them of a matrix */
void pack_raw(const uint8_t *stream, int64_t rows, int64_t inner, uint32_t *bits, int32_t threads)
{
    const int64_t words = (inner + WORD - 1) / WORD, bytes = rows * inner / 8;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; r++)
        for (int64_t w = 0; w < words; w++) {
            const int64_t left = inner - w * WORD;
            const uint32_t mask = left < WORD ? (1u << left) - 1 : ~0u;
            bits[w * rows + r] = word_at(stream, r * inner + w * WORD, bytes) & mask;
        }
}

/* words of the columns of a stream (steps, replicates, samples, columns), as `pack_columns` */
void pack_raw_columns(const uint8_t *stream, int64_t steps, int64_t replicates, int64_t samples,
                      int64_t columns, uint32_t *bits, int32_t threads)
{
    const int64_t inner = steps * samples, words = (inner + WORD - 1) / WORD;
    const int64_t bytes = inner * replicates * columns / 8;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t task = 0; task < replicates * words; task++) {
        const int64_t replicate = task / words, word = task % words;
        uint32_t *restrict to = bits + task * columns;
        memset(to, 0, columns * sizeof(uint32_t));
        for (int64_t k = word * WORD; k < least(inner, (word + 1) * WORD); k++) {
            const int64_t row = (k / samples * replicates + replicate) * samples + k % samples;
            for (int64_t i = 0; i < columns; i += WORD) {
                const uint32_t ones = word_at(stream, row * columns + i, bytes);
                const int64_t n = least(WORD, columns - i);
                for (int64_t j = 0; j < n; j++)
                    to[i + j] |= (ones >> j & 1u) << (k % WORD);
            }
        }
    }
}

/* 32 words as a matrix of bits, transposed in place: pairs of words half the matrix apart swap
   halves, quarters, ... of their bits, and go side by side, so that the next pairs lie as far apart
   again */
static inline void transpose(uint32_t *restrict x)
{
    const int32_t half = WORD / 2;
    uint32_t mask = ~0u;
    for (int32_t shift = half; shift; shift >>= 1) {
        uint32_t y[WORD];
        mask ^= mask << shift;
        for (int32_t j = 0; j < half; j++) {
            const uint32_t swapped = (x[j] >> shift ^ x[j + half]) & mask;
            y[2 * j] = x[j] ^ swapped << shift;
            y[2 * j + 1] = x[j + half] ^ swapped;
        }
        memcpy(x, y, sizeof y);
    }
}

/* words of the columns of a matrix, as `pack_columns` makes them, from those of its rows */
void turn(const uint32_t *rows, int64_t steps, int64_t replicates, int64_t samples,
          int64_t columns, uint32_t *bits, int32_t threads)
{
    const int64_t inner = steps * samples, words = (inner + WORD - 1) / WORD;
    const int64_t across = (columns + WORD - 1) / WORD;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t task = 0; task < replicates * words; task++) {
        const int64_t replicate = task / words, first = task % words * WORD;
        const int64_t n = least(WORD, inner - first);
        int64_t row[WORD];
        for (int64_t j = 0; j < n; j++) {
            const int64_t k = first + j;
            row[j] = (k / samples * replicates + replicate) * samples + k % samples;
        }
        for (int64_t w = 0; w < across; w++) {
            uint32_t x[WORD] = {0};
            for (int64_t j = 0; j < n; j++)
                x[j] = rows[w * inner * replicates + row[j]];
            transpose(x);
            memcpy(bits + task * columns + w * WORD, x,
                   least(WORD, columns - w * WORD) * sizeof *x);
        }
    }
}
