/* One update of SGD with momentum, in one pass: v = m v + g, p = p - rate v. */

#include <stdint.h>

#define DEFINE(REAL, NAME)                                                                        \
    void NAME(REAL *restrict p, REAL *restrict v, const REAL *restrict g, int64_t n,              \
              REAL momentum, REAL rate, int32_t threads)                                          \
    {                                                                                             \
        _Pragma("omp parallel for simd schedule(static) num_threads(threads)")                    \
        for (int64_t i = 0; i < n; i++) {                                                         \
            v[i] = momentum * v[i] + g[i];                                                        \
            p[i] = p[i] - rate * v[i];                                                            \
        }                                                                                         \
    }

DEFINE(float, momentum_float32)
DEFINE(double, momentum_float64)
