// A histogram of durations with buckets no wider than 1/128 of their value (as HdrHistogram has them).
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

struct histogram {
    uint64_t counts[58 * 128];
    uint64_t total, maximum;
};

static inline void histogram_add(struct histogram *h, uint64_t value) {
    unsigned shift = value < 256 ? 0 : 56 - (unsigned)__builtin_clzll(value);
    h->counts[shift * 128 + (value >> shift)]++;
    h->total++;
    if (value > h->maximum) h->maximum = value;
}

/// The value that a `share` (0...1) of all values does not exceed; 0 when there are none.
static inline uint64_t histogram_quantile(const struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * (double)h->total), seen = 0;
    if (h->total == 0) return 0;
    if (wanted >= h->total) wanted = h->total - 1;
    for (unsigned i = 0; i < sizeof h->counts / sizeof *h->counts; i++) {
        seen += h->counts[i];
        if (seen <= wanted) continue;
        unsigned shift = i < 256 ? 0 : i / 128 - 1;
        uint64_t upper = ((uint64_t)(i - shift * 128) + 1) << shift;
        return upper < h->maximum ? upper : h->maximum;
    }
    return h->maximum;
}

#endif
