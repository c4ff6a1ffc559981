/* Neurons in both precisions; see lif.h. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "exponential.h"

enum { SIGMOID, ARCTAN, TRIANGLE, RECTANGLE, SUPERSPIKE, GAUSSIAN };
enum { SOFT, HARD, NONE };
#define WORD 32     /* entries of a row in a word of bits; divides BLOCK */

#define REAL float
#define EXP exp_single
#define FABS fabsf
#define NAME(x) x##_float32
#include "lif.h"
#undef REAL
#undef EXP
#undef FABS
#undef NAME

#define REAL double
#define EXP exp
#define FABS fabs
#define NAME(x) x##_float64
#include "lif.h"
