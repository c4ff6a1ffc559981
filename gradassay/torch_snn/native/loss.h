/* Mixture of cross-entropy and mean squared error of rows of outputs, times a factor. Included once
   for each precision, with REAL, EXP(x), LOG(x) and NAME(x) defined; the equations are those of
   gradassay/torch_snn/loss.py. */

void NAME(loss)(const REAL *outputs, const int64_t *targets, int64_t rows, int64_t samples,
                int64_t classes, REAL squared, REAL factor, REAL *losses, REAL *errors,
                int32_t threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t start = 0; start < rows; start += LANES) {
        const int64_t n = rows - start < LANES ? rows - start : LANES;
        REAL o[classes][LANES], p[classes][LANES];
        REAL most[LANES], sum[LANES] = {0}, difference[LANES] = {0};
        int64_t target[LANES];
        for (int64_t i = 0; i < classes; i++)
            for (int64_t r = 0; r < LANES; r++)
                o[i][r] = outputs[(start + (r < n ? r : 0)) * classes + i];
        for (int64_t r = 0; r < LANES; r++) {
            target[r] = targets[(start + (r < n ? r : 0)) % samples];
            most[r] = o[0][r];
        }
        for (int64_t i = 1; i < classes; i++)
            for (int64_t r = 0; r < LANES; r++)
                most[r] = o[i][r] > most[r] ? o[i][r] : most[r];
        for (int64_t i = 0; i < classes; i++)
            for (int64_t r = 0; r < LANES; r++) {
                p[i][r] = EXP(o[i][r] - most[r]);
                sum[r] += p[i][r];
            }
        for (int64_t i = 0; i < classes; i++)
            for (int64_t r = 0; r < LANES; r++) {
                const REAL one = target[r] == i ? 1 : 0, d = o[i][r] - one;
                difference[r] += d * d;
                p[i][r] = factor * ((1 - squared) * (p[i][r] / sum[r] - one) +
                                    squared * (2 / (REAL)classes * d));
            }
        for (int64_t r = 0; r < n; r++) {
            const REAL entropy = LOG(sum[r]) - (o[target[r]][r] - most[r]);
            losses[start + r] = factor * ((1 - squared) * entropy +
                                          squared * (difference[r] / (REAL)classes));
            for (int64_t i = 0; i < classes; i++)
                errors[(start + r) * classes + i] = p[i][r];
        }
    }
}
