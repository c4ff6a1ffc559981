/* Average pooling in both precisions; see pool.h. */

#include <stdint.h>
#include <string.h>

#define REAL float
#define NAME(x) x##_float32
#include "pool.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(x) x##_float64
#include "pool.h"
