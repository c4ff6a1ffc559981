/* exp for x <= 0 in arithmetic that vectorises: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2];
   NaN stays NaN */
static inline float exp_single(float x)
{
    x = x < -87.0f ? -87.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f;
    const float n = shifted - 12582912.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { float f; int32_t i; } power, bits;
    bits.f = shifted;
    power.i = (bits.i << 23) + (127 << 23);
    return p * power.f;
}
