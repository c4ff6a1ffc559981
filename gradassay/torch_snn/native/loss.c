/* The loss of a step and its derivative in both precisions; see loss.h. */

#include <math.h>
#include <stdint.h>

#include "exponential.h"

#define LANES 16        /* rows at once, side by side */

#define REAL float
#define EXP exp_single
#define LOG logf
#define NAME(x) x##_float32
#include "loss.h"
#undef REAL
#undef EXP
#undef LOG
#undef NAME

#define REAL double
#define EXP exp
#define LOG log
#define NAME(x) x##_float64
#include "loss.h"
