/*
 * Brotli (RFC 7932) behind libbrotlidec.  A decoder cannot be used again: each stream has a new
 * one.
 */
#include "analyzers/packed/codec.h"

#include <brotli/decode.h>
#include <stdlib.h>

struct brotli {
    BrotliDecoderState *decoder;
    size_t used; /* bytes that the decoder has now */
};

/* Before what the decoder gets, its size. */
union block {
    size_t size;
    max_align_t aligned;
};

static void *block_new(void *context, size_t size)
{
    struct brotli *b = context;
    union block *block = size < SIZE_MAX / 2 ? malloc(sizeof(*block) + size) : NULL;
    if (!block)
        return NULL;
    block->size = size;
    b->used += size;
    return block + 1;
}

static void block_free(void *context, void *memory)
{
    struct brotli *b = context;
    if (!memory)
        return;
    union block *block = (union block *)memory - 1;
    b->used -= block->size;
    free(block);
}

static void *brotli_open(void)
{
    return calloc(1, sizeof(struct brotli));
}

static bool brotli_restart(void *stream)
{
    struct brotli *b = stream;
    if (b->decoder)
        BrotliDecoderDestroyInstance(b->decoder);
    b->decoder = BrotliDecoderCreateInstance(block_new, block_free, b);
    return b->decoder != NULL;
}

static enum decoded brotli_take(void *stream, struct bytes *packed, uint8_t *piece,
                                size_t *piece_len)
{
    struct brotli *b = stream;
    size_t in_len = packed->len, out_len = *piece_len;
    const uint8_t *in = packed->data;
    uint8_t *out = piece;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(b->decoder, &in_len, &in, &out_len, &out, NULL);
    *piece_len -= out_len;
    *packed = bytes_from(*packed, packed->len - in_len);
    switch (result) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return DECODED_END;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return DECODED_WAITS;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return DECODED_PIECE;
    default:
        return DECODED_BROKEN;
    }
}

static size_t brotli_size(const void *stream)
{
    const struct brotli *b = stream;
    return sizeof(*b) + b->used;
}

static void brotli_close(void *stream)
{
    struct brotli *b = stream;
    if (b->decoder)
        BrotliDecoderDestroyInstance(b->decoder);
    free(b);
}

const struct codec_kind CODEC_KIND_BROTLI = {
    .open = brotli_open,
    .restart = brotli_restart,
    .take = brotli_take,
    .size = brotli_size,
    .close = brotli_close,
};
