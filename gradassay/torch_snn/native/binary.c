/* Products with zeros and ones, or with signs, in both precisions; see binary.h. */

#include <stdint.h>
#include <string.h>

#define WORD 32                     /* entries of a row in a word of bits, */
#define GROUP 4                     /* and in a group */
#define SUMS (1 << GROUP)           /* sums of a group */
#define MOST_ROWS ((int64_t)1024)    /* rows whose sums are under way at once: they fit a cache */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#define REAL float
#define NAME(x) x##_float32
#include "binary.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(x) x##_float64
#include "binary.h"
