// What the admin server needs of zlib: one gzip stream, fed in pieces.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct apus_gzip;

// A new stream, or NULL when there is no memory. `level` is 1 (fast) to 9 (small).
struct apus_gzip *apus_gzip_begin(int level);

// Compresses up to `count` bytes of `input` into up to `capacity` bytes of `output`. `*taken` and `*made` say how many of
// each were used. With `finish` the stream ends after the input. Returns 1 when the stream has ended, 0 when it goes on,
// and -1 after a failure.
int apus_gzip_step(
    struct apus_gzip *stream, const uint8_t *input, size_t count, size_t *taken, uint8_t *output, size_t capacity,
    size_t *made, int finish);

void apus_gzip_end(struct apus_gzip *stream);
