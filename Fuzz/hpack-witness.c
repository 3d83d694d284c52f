// What nghttp2 makes of blocks of HPACK, one after the other by one table.
#include <nghttp2/nghttp2.h>
#include <string.h>

// Decodes `count` bytes of `blocks`, in which each block stands behind two bytes with its length, into `out`: for each field the
// lengths of name and value, two bytes each, and both; behind each block ff ff.
//
// Returns how many bytes were written; with a fault, of what came before it, and `*fault` is 1.
size_t witness_decode(const uint8_t *blocks, size_t count, uint8_t *out, size_t room, int *fault) {
    nghttp2_hd_inflater *inflater;
    size_t written = 0;
    *fault = 0;
    if (nghttp2_hd_inflate_new(&inflater) != 0) return 0;
    while (count >= 2 && !*fault) {
        size_t length = (size_t)blocks[0] << 8 | blocks[1];
        blocks += 2;
        count -= 2;
        if (length > count) length = count;
        const uint8_t *next = blocks;
        size_t left = length;
        for (;;) {
            nghttp2_nv field;
            int flags = 0;
            ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, next, left, 1);
            if (used < 0) {
                *fault = 1;
                break;
            }
            next += used;
            left -= (size_t)used;
            if (flags & NGHTTP2_HD_INFLATE_EMIT) {
                if (written + 4 + field.namelen + field.valuelen + 2 > room) break;
                out[written++] = (uint8_t)(field.namelen >> 8);
                out[written++] = (uint8_t)field.namelen;
                out[written++] = (uint8_t)(field.valuelen >> 8);
                out[written++] = (uint8_t)field.valuelen;
                memcpy(out + written, field.name, field.namelen);
                written += field.namelen;
                memcpy(out + written, field.value, field.valuelen);
                written += field.valuelen;
            }
            if (flags & NGHTTP2_HD_INFLATE_FINAL) {
                nghttp2_hd_inflate_end_headers(inflater);
                break;
            }
            if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && left == 0) break;
        }
        blocks += length;
        count -= length;
        if (!*fault && written + 2 <= room) {
            out[written++] = 0xff;
            out[written++] = 0xff;
        }
    }
    nghttp2_hd_inflate_del(inflater);
    return written;
}
