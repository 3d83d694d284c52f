#include "response.h"

#include <stdlib.h>
#include <string.h>

enum { longest_head = 16 * 1024 };

const char *const failure_names[failure_count] = {
    "none",      "connect", "reset",  "closed", "timeout", "status",      "framing", "length", "content",
    "handshake", "version", "cipher", "group",  "key",     "not resumed"};

void response_forget(struct response_reader *reader) {
    free(reader->held);
    *reader = (struct response_reader){0};
}

static enum failure read_head(
    struct response_reader *reader, const struct expectation *expected, const char *head, size_t length
) {
    if (length < 12 || memcmp(head, "HTTP/1.1 200", 12) != 0) return wrong_status;
    const char *content_length = field_value(head, length, "content-length:");
    const char *coding = field_value(head, length, "transfer-encoding:");
    const char *connection = field_value(head, length, "connection:");
    reader->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    // A proxy may send a body of unknown length in chunks of its own; it may not lose the framing.
    if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0 && content_length == NULL) {
        reader->at = response_chunks;
        reader->chunks = (struct chunked){0};
    } else if (content_length != NULL && coding == NULL && !expected->chunked) {
        reader->at = response_length;
        reader->left = strtoull(content_length, NULL, 10);
        if (reader->left != expected->length) return wrong_length;
    } else {
        return wrong_framing;
    }
    reader->body = 0;
    return no_failure;
}

static enum failure take_body(
    struct response_reader *reader, const struct expectation *expected, const char *bytes, size_t length
) {
    if (length > expected->length - reader->body) return wrong_length;
    while (length > 0) {
        size_t piece = length < largest_read ? length : largest_read;
        bool same = expected->text != NULL ? memcmp(bytes, expected->text + reader->body, piece) == 0
                                           : pattern_matches(bytes, piece, reader->body);
        if (!same) return wrong_content;
        reader->body += piece;
        bytes += piece;
        length -= piece;
    }
    return no_failure;
}

/// Reads the body on to its end. `*at` says how far.
static enum response_step read_body(
    struct response_reader *reader, const struct expectation *expected, const char **at, const char *end,
    enum failure *failure
) {
    if (reader->at == response_length) {
        size_t here = (size_t)(end - *at);
        size_t piece = here < reader->left ? here : reader->left;
        *failure = take_body(reader, expected, *at, piece);
        *at += piece;
        reader->left -= piece;
        if (*failure != no_failure) return response_failed;
        return reader->left == 0 ? response_complete : response_more;
    }
    for (;;) {
        const char *data;
        size_t length;
        switch (chunked_read(&reader->chunks, at, end, &data, &length)) {
        case chunked_more:
            return response_more;
        case chunked_bad:
            *failure = wrong_framing;
            return response_failed;
        case chunked_end:
            if (reader->body == expected->length) return response_complete;
            *failure = wrong_length;
            return response_failed;
        case chunked_data:
            *failure = take_body(reader, expected, data, length);
            if (*failure != no_failure) return response_failed;
        }
    }
}

enum response_step response_read(
    struct response_reader *reader, const struct expectation *expected, const char *bytes, size_t length, size_t *used,
    enum failure *failure
) {
    const char *at = bytes, *end = bytes + length;
    *used = length;
    if (reader->at == response_head) {
        size_t before = reader->held_length;
        const char *head = bytes;
        size_t available = length;
        if (before > 0 || head_length(bytes, length) == 0) {
            if (before + length > longest_head) return *failure = wrong_framing, response_failed;
            reader->held = realloc(reader->held, before + length);
            memcpy(reader->held + before, bytes, length);
            head = reader->held;
            available = reader->held_length = before + length;
        }
        size_t size = head_length(head, available);
        if (size == 0) return response_more;
        *failure = read_head(reader, expected, head, size);
        if (*failure != no_failure) return response_failed;
        at = bytes + (size - before);
        free(reader->held);
        reader->held = NULL;
        reader->held_length = 0;
    }
    enum response_step step = read_body(reader, expected, &at, end, failure);
    if (step == response_complete) reader->at = response_head;
    *used = (size_t)(at - bytes);
    return step;
}
