/*
 * Values written down so that a later run can go on with them, and read again.
 *
 * Numbers stand as little endian of a fixed width or as varints (LEB128, the low seven bits first:
 * small numbers are short), texts behind their length.  A block is a piece of its own with its
 * version, its length and a checksum, so that one which was damaged, cut or written by a newer
 * program is known before anything in it is believed.
 *
 * What is read may be anything: the reader is a cursor (core/cursor.h), which is short for good
 * after the first read that was not there or made no sense; it is asked once, at the end.
 */
#ifndef SEEPWATCH_CORE_PACK_H
#define SEEPWATCH_CORE_PACK_H

#include "core/cursor.h"

enum { PACK_BLOCK_HEAD = 13 /* bytes before a block's content */ };

/* What is being written, in memory that grows.  A zeroed struct is empty.  Without memory it has
 * failed for good: ask once, at the end. */
struct pack {
    uint8_t *data;
    size_t len, size; /* bytes */
    bool has_failed;
};

/* pack_restart empties it and keeps the memory; pack_clear gives that back. */
void pack_restart(struct pack *p);
void pack_clear(struct pack *p);

void pack_bytes(struct pack *p, struct bytes b); /* as they are, without their length */
void pack_u8(struct pack *p, uint8_t value);
void pack_u32(struct pack *p, uint32_t value);
void pack_u64(struct pack *p, uint64_t value);
void pack_double(struct pack *p, double value);
void pack_float(struct pack *p, float value);
void pack_flag(struct pack *p, bool value);
/* pack_number writes a varint of 1 to 10 bytes, pack_signed one that is short for small numbers of
 * either sign (zigzag); times are pack_signed. */
void pack_number(struct pack *p, uint64_t value);
void pack_signed(struct pack *p, int64_t value);
/* pack_string writes the length, as pack_number does, and the bytes. */
void pack_string(struct pack *p, struct bytes text);

/* pack_begin begins a block of that version; pack_end, with what that returned, ends it.  Blocks
 * may lie in each other. */
size_t pack_begin(struct pack *p, uint8_t version);
void pack_end(struct pack *p, size_t begun);

static inline struct bytes pack_view(const struct pack *p)
{
    return (struct bytes){p->data, p->len};
}

/* The same in reading; each gives zero, or an empty view, once the cursor is short.  A number that
 * is none, and a flag other than 0 and 1, make it short. */
uint64_t unpack_u64(struct cursor *c);
double unpack_double(struct cursor *c);
float unpack_float(struct cursor *c);
bool unpack_flag(struct cursor *c);
uint64_t unpack_number(struct cursor *c);
int64_t unpack_signed(struct cursor *c);
/* unpack_time reads a pack_signed of nanoseconds since 1970; one before that, or beyond half of
 * what can be written so, makes the cursor short: any two can be subtracted. */
int64_t unpack_time(struct cursor *c);
/* unpack_string views a text; one longer than len_max makes the cursor short. */
struct bytes unpack_string(struct cursor *c, size_t len_max);
/* unpack_count reads a number of things to come, of which each takes at least `least` bytes: more
 * than max, or than what is left could be, make the cursor short and give 0. */
size_t unpack_count(struct cursor *c, size_t max, size_t least);
/* unpack_fail makes the cursor short: what was read cannot be. */
void unpack_fail(struct cursor *c);
/* unpack_done tells whether all was read, and nothing more. */
static inline bool unpack_done(const struct cursor *c)
{
    return !cursor_is_short(c) && cursor_left(c) == 0;
}

/* unpack_block takes a block; *version is its version.  The cursor that it gives is short from the
 * start where the block is cut or its checksum is wrong, and then c is short too. */
struct cursor unpack_block(struct cursor *c, uint8_t *version);

#endif
