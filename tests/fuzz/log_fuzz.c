/*
 * Lines of a log of transactions: whatever is taken can be written, and the line that is written is
 * taken and written as the same again.
 */
#include "core/transaction_read.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a block of its own size, for the sanitizer to see a read over its end. */
static enum read_kind read_line(struct transaction_reader *r, const void *data, size_t size,
                                uint8_t **line, struct transaction *t)
{
    *line = malloc(size > 0 ? size : 1);
    if (!*line)
        abort();
    if (size > 0)
        memcpy(*line, data, size);
    return transaction_read(r, *line, size, t);
}

static void write_again(struct transaction_reader *r, const struct json *first)
{
    uint8_t *line;
    struct transaction t;
    struct json second = {0};
    if (read_line(r, first->text, first->len, &line, &t) == READ_BAD) {
        (void)fprintf(stderr, "%s\n", transaction_read_problem(r));
        abort();
    }
    transaction_write(&second, &t);
    if (second.len != first->len || memcmp(second.text, first->text, first->len) != 0)
        abort();
    json_clear(&second);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transaction_reader *r = transaction_reader_open();
    struct transaction t;
    struct json j = {0};
    uint8_t *line;
    enum read_kind kind = r ? read_line(r, data, size, &line, &t) : READ_BAD;
    if (kind == READ_TRANSACTION || kind == READ_MIRROR) {
        transaction_write(&j, &t);
        write_again(r, &j);
    }
    json_clear(&j);
    if (r)
        free(line);
    transaction_reader_close(r);
    return 0;
}
