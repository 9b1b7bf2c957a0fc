/*
 * Which rows of a database's answers lie in a part of what the server said, counted by hand: what
 * tests/replay/laws_test.c holds the analyzers to.
 */
#ifndef SEEPWATCH_TESTS_REPLAY_LAWS_ROWS_H
#define SEEPWATCH_TESTS_REPLAY_LAWS_ROWS_H

#include "core/cursor.h"

/* A part of the server's stream. */
struct part {
    uint32_t from, to; /* bytes */
};

static inline bool touches(struct part part, uint32_t start, uint32_t end)
{
    return start < part.to && end > part.from;
}

static inline uint64_t postgresql_rows(struct bytes stream, struct part part)
{
    struct cursor in = cursor_over(stream);
    uint64_t rows = 0;
    if (in.left > 1 && (*in.at == 'N' || *in.at == 'S') && in.at[1] == 'R')
        cursor_skip(&in, 1);
    while (cursor_left(&in) >= 5) {
        uint32_t start = (uint32_t)(stream.len - in.left);
        uint8_t type = cursor_u8(&in);
        uint32_t end = start + 1 + cursor_be32(&in);
        cursor_skip(&in, end - start - 5);
        rows += (type == 'D' || type == 'd') && touches(part, start, end);
    }
    return rows;
}

/* Results by their columns' number, which is a packet of one byte, or of two; its packets are
 * numbered from 1 on, and in a further result go on. */
static inline uint64_t mysql_rows(struct bytes stream, struct part part)
{
    struct cursor in = cursor_over(stream);
    uint64_t rows = 0;
    unsigned definitions = 0;
    bool in_rows = false, is_defined = false, has_more = false;
    while (cursor_left(&in) >= 4) {
        uint32_t start = (uint32_t)(stream.len - in.left);
        uint32_t head = cursor_le32(&in), len = head & 0xffffff;
        struct cursor body = cursor_inner(&in, len);
        uint8_t first = cursor_u8(&body), second = cursor_u8(&body);
        cursor_skip(&body, 1);
        uint8_t status = cursor_u8(&body); /* of EOF and OK: whether there are more results */
        bool is_end = first >= 0xfe && len < 0xffffff;
        if (definitions > 0) {
            is_defined = --definitions == 0;
            in_rows = is_defined;
        } else if (in_rows && is_defined && first == 0xfe && len == 5) {
            is_defined = false;
        } else if (in_rows && is_end) {
            in_rows = false;
            has_more = first == 0xfe && status & 8;
        } else if (in_rows) {
            is_defined = false;
            rows += touches(part, start, start + 4 + len);
        } else if (has_more || head >> 24 == 1) {
            has_more = first == 0 && len >= 7 && status & 8;
            definitions = len <= 2 && first > 0 && first < 0xfb ? first : 0;
            in_rows = definitions > 0;
            if (len == 2 && second == 0) { /* none follow */
                definitions = 0;
                is_defined = true;
            }
        }
    }
    return rows;
}

#endif
