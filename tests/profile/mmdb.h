/*
 * A small writer of MMDB files (https://maxmind.github.io/MaxMind-DB/), so that the tests have
 * databases of any layout, also wrong ones.  24-bit records; everything in one fixed buffer.
 */
#ifndef SEEPWATCH_TESTS_PROFILE_MMDB_H
#define SEEPWATCH_TESTS_PROFILE_MMDB_H

#include "core/address.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MMDB_NODES_MAX = 512, MMDB_DATA_MAX = 4096, MMDB_FILE_MAX = 8192, MMDB_PATH_MAX = 64 };

struct mmdb {
    unsigned ip_version;
    uint32_t nodes[MMDB_NODES_MAX][2]; /* 0: empty; a node's number; or data, marked by bit 31 */
    uint32_t nodes_count;
    uint8_t data[MMDB_DATA_MAX];
    size_t data_len;
    uint8_t file[MMDB_FILE_MAX];
    size_t file_len;
    char path[MMDB_PATH_MAX];
};

static void mmdb_begin(struct mmdb *m, unsigned ip_version)
{
    memset(m, 0, sizeof(*m));
    m->ip_version = ip_version;
    m->nodes_count = 1;
}

static void mmdb_put(struct mmdb *m, const void *bytes, size_t len)
{
    assert(len <= MMDB_DATA_MAX - m->data_len);
    memcpy(m->data + m->data_len, bytes, len);
    m->data_len += len;
}

static void mmdb_control(struct mmdb *m, unsigned type, size_t size)
{
    uint8_t extended = (uint8_t)(type - 7), longer[2] = {(uint8_t)(size - 29), 0};
    uint8_t first = (uint8_t)((type > 7 ? 0 : type << 5) | (size < 29    ? size
                                                            : size < 285 ? 29
                                                                         : 30));
    mmdb_put(m, &first, 1);
    if (type > 7)
        mmdb_put(m, &extended, 1);
    if (size >= 285) {
        longer[0] = (uint8_t)((size - 285) >> 8);
        longer[1] = (uint8_t)(size - 285);
    }
    if (size >= 29)
        mmdb_put(m, longer, size < 285 ? 1 : 2);
}

static void mmdb_text(struct mmdb *m, const char *text)
{
    mmdb_control(m, 2, strlen(text));
    mmdb_put(m, text, strlen(text));
}

static void mmdb_map(struct mmdb *m, size_t members)
{
    mmdb_control(m, 7, members);
}

static void mmdb_number(struct mmdb *m, unsigned type, size_t size, uint64_t value)
{
    mmdb_control(m, type, size);
    for (size_t i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        mmdb_put(m, &byte, 1);
    }
}

static void mmdb_u16(struct mmdb *m, uint16_t value)
{
    mmdb_number(m, 5, 2, value);
}

static void mmdb_u32(struct mmdb *m, uint32_t value)
{
    mmdb_number(m, 6, 4, value);
}

static void mmdb_double(struct mmdb *m, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    mmdb_number(m, 3, 8, bits);
}

static void mmdb_float(struct mmdb *m, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    mmdb_number(m, 15, 4, bits);
}

/* mmdb_prefix points a prefix to the data that is written next. */
static void mmdb_prefix(struct mmdb *m, const char *text)
{
    struct prefix p;
    bool is_good = prefix_parse(&p, bytes_of(text));
    assert(is_good);
    (void)is_good;
    bool is_ipv4 = address_is_ipv4(&p.address);
    if (is_ipv4) /* an IPv6 tree has IPv4 below ::/96 */
        memset(p.address.octets, 0, 12);
    uint32_t at = 0;
    for (unsigned bit = m->ip_version == 4 ? 96 : 0;; bit++) {
        unsigned side = p.address.octets[bit / 8] >> (7 - bit % 8) & 1;
        if (bit + 1 == p.bits) {
            m->nodes[at][side] = (uint32_t)m->data_len | UINT32_C(1) << 31;
            return;
        }
        if (m->nodes[at][side] == 0) {
            assert(m->nodes_count < MMDB_NODES_MAX);
            m->nodes[at][side] = m->nodes_count++;
        }
        at = m->nodes[at][side];
    }
}

static void mmdb_file_put(struct mmdb *m, const void *bytes, size_t len)
{
    assert(len <= MMDB_FILE_MAX - m->file_len);
    memcpy(m->file + m->file_len, bytes, len);
    m->file_len += len;
}

static void mmdb_tree(struct mmdb *m)
{
    for (uint32_t i = 0; i < m->nodes_count * 2; i++) {
        uint32_t record = m->nodes[i / 2][i % 2];
        if (record >> 31)
            record = (record & ~(UINT32_C(1) << 31)) + m->nodes_count + 16;
        else if (record == 0)
            record = m->nodes_count;
        uint8_t bytes[3] = {(uint8_t)(record >> 16), (uint8_t)(record >> 8), (uint8_t)record};
        mmdb_file_put(m, bytes, sizeof(bytes));
    }
}

/* mmdb_end makes the file's bytes, in m->file. */
static void mmdb_end(struct mmdb *m)
{
    static const uint8_t separator[16] = {0};
    static const char marker[] = "\xab\xcd\xefMaxMind.com";
    mmdb_tree(m);
    mmdb_file_put(m, separator, sizeof(separator));
    mmdb_file_put(m, m->data, m->data_len);
    mmdb_file_put(m, marker, sizeof(marker) - 1);
    m->data_len = 0;
    mmdb_map(m, 9);
    mmdb_text(m, "node_count");
    mmdb_u32(m, m->nodes_count);
    mmdb_text(m, "record_size");
    mmdb_u16(m, 24);
    mmdb_text(m, "ip_version");
    mmdb_u16(m, (uint16_t)m->ip_version);
    mmdb_text(m, "database_type");
    mmdb_text(m, "Test");
    mmdb_text(m, "languages");
    mmdb_control(m, 11, 0);
    mmdb_text(m, "binary_format_major_version");
    mmdb_u16(m, 2);
    mmdb_text(m, "binary_format_minor_version");
    mmdb_u16(m, 0);
    mmdb_text(m, "build_epoch");
    mmdb_number(m, 9, 8, 1);
    mmdb_text(m, "description");
    mmdb_map(m, 0);
    mmdb_file_put(m, m->data, m->data_len);
}

/* mmdb_save writes the first len bytes of the file to a new temporary file, m->path. */
static void mmdb_save(struct mmdb *m, size_t len)
{
    const char *folder = getenv("TMPDIR");
    (void)snprintf(m->path, sizeof(m->path), "%s/mmdb-XXXXXX",
                   folder && strlen(folder) < 40 ? folder : "/tmp");
    int fd = mkstemp(m->path);
    bool is_good = fd >= 0 && write(fd, m->file, len) == (ssize_t)len && close(fd) == 0;
    assert(is_good);
    (void)is_good;
}

#endif
