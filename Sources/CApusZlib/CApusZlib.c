#include "CApusZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct apus_gzip {
    z_stream z;
};

struct apus_gzip *apus_gzip_begin(int level) {
    struct apus_gzip *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    // A window of 32 KiB; 16 more asks for the header and the trailer of gzip.
    if (deflateInit2(&stream->z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

int apus_gzip_step(
    struct apus_gzip *stream, const uint8_t *input, size_t count, size_t *taken, uint8_t *output, size_t capacity,
    size_t *made, int finish) {
    size_t offered = count < UINT_MAX ? count : UINT_MAX;
    size_t room = capacity < UINT_MAX ? capacity : UINT_MAX;
    stream->z.next_in = (uint8_t *)input;
    stream->z.avail_in = (unsigned)offered;
    stream->z.next_out = output;
    stream->z.avail_out = (unsigned)room;
    int result = deflate(&stream->z, finish && offered == count ? Z_FINISH : Z_NO_FLUSH);
    *taken = offered - stream->z.avail_in;
    *made = room - stream->z.avail_out;
    stream->z.next_in = NULL;
    stream->z.next_out = NULL;
    // No room or no input is not a failure: the next call goes on.
    if (result == Z_STREAM_END) return 1;
    return result == Z_OK || result == Z_BUF_ERROR ? 0 : -1;
}

void apus_gzip_end(struct apus_gzip *stream) {
    deflateEnd(&stream->z);
    free(stream);
}
