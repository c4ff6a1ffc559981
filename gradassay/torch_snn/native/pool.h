/* Means over squares of maps, and the transpose. Included once for each precision, with REAL and
   NAME(x) defined; the equations are those of gradassay/torch_snn/pooling.py. */

/* (maps, rows, columns) to (maps, rows / k, columns / k) */
void NAME(pool)(const REAL *in, REAL *out, int64_t maps, int64_t rows, int64_t columns, int64_t k,
                int32_t threads)
{
    const int64_t high = rows / k, wide = columns / k;
    const REAL area = (REAL)(k * k);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t m = 0; m < maps; m++)
        for (int64_t r = 0; r < high; r++) {
            const REAL *from = in + (m * rows + r * k) * columns;
            REAL *restrict to = out + (m * high + r) * wide;
            if (k == 2) {
                const REAL *below = from + columns;
                for (int64_t c = 0; c < wide; c++)
                    to[c] = ((from[2 * c] + from[2 * c + 1]) + (below[2 * c] + below[2 * c + 1])) / area;
                continue;
            }
            for (int64_t c = 0; c < wide; c++) {
                REAL sum = 0;
                for (int64_t i = 0; i < k; i++)
                    for (int64_t j = 0; j < k; j++)
                        sum += from[i * columns + c * k + j];
                to[c] = sum / area;
            }
        }
}

/* (maps, rows / k, columns / k) to (maps, rows, columns); what no square sees gets 0 */
void NAME(pool_transposed)(const REAL *in, REAL *out, int64_t maps, int64_t rows, int64_t columns,
                           int64_t k, int32_t threads)
{
    const int64_t high = rows / k, wide = columns / k;
    const REAL area = (REAL)(k * k);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t m = 0; m < maps; m++) {
        REAL *restrict map = out + m * rows * columns;
        for (int64_t r = 0; r < high; r++) {
            const REAL *from = in + (m * high + r) * wide;
            REAL *restrict to = map + r * k * columns;
            if (k == 2)
                for (int64_t c = 0; c < wide; c++)
                    to[2 * c] = to[2 * c + 1] = from[c] / area;
            else
                for (int64_t c = 0; c < wide; c++)
                    for (int64_t j = 0; j < k; j++)
                        to[c * k + j] = from[c] / area;
            for (int64_t c = wide * k; c < columns; c++)
                to[c] = 0;
            for (int64_t i = 1; i < k; i++)
                memcpy(to + i * columns, to, columns * sizeof(REAL));
        }
        for (int64_t i = high * k * columns; i < rows * columns; i++)
            map[i] = 0;
    }
}
