#include "analyzers/http/records.h"

void records_begin(struct records *r, enum records_format format, enum csv_header header,
                   struct bytes path)
{
    *r = (struct records){.format = format, .path = path};
    if (format == RECORDS_CSV || format == RECORDS_LINES)
        r->csv.header = format == RECORDS_CSV ? header : CSV_HEADER_NEVER;
    if (format == RECORDS_JSON)
        r->json.wanted = path;
}

static void row_end(struct records_csv *c)
{
    c->rows += c->has_content;
    c->has_content = c->in_field = false;
}

static void lines_take(struct records_csv *c, struct bytes piece)
{
    while (piece.len > 0) {
        size_t len = bytes_index(piece, '\n');
        struct bytes line = bytes_first(piece, len);
        for (size_t i = 0; i < line.len && !c->has_content; i++)
            c->has_content = line.data[i] > ' ';
        if (len < piece.len)
            row_end(c);
        piece = bytes_from(piece, len + 1);
    }
}

static bool is_delimiter(uint8_t c)
{
    return c == ',' || c == ';' || c == '\t' || c == '|';
}

/* Outside of quotes. */
static void csv_byte(struct records_csv *c, uint8_t byte)
{
    if (byte == '\n' || byte == '\r') {
        row_end(c);
        return;
    }
    c->has_content = c->has_content || byte != ' ';
    if (is_delimiter(byte)) {
        c->in_field = false;
        return;
    }
    if (c->in_field || byte == ' ')
        return;
    c->in_field = true;
    c->in_quotes = byte == '"';
    if (c->rows == 0 && byte >= '0' && byte <= '9')
        c->has_number = true;
}

/* In quotes; what follows a quote tells whether it was the last. */
static bool csv_quoted(struct records_csv *c, struct bytes *piece)
{
    uint8_t first = piece->data[0];
    if (c->is_quote_open) {
        c->is_quote_open = false;
        c->in_quotes = first == '"';
        if (c->in_quotes)
            *piece = bytes_from(*piece, 1);
        return c->in_quotes;
    }
    size_t len = bytes_index(*piece, '"');
    c->is_quote_open = len < piece->len;
    if (c->rows == 0 && first >= '0' && first <= '9' && len > 0)
        c->has_number = true;
    *piece = bytes_from(*piece, len + 1);
    return true;
}

static void csv_take(struct records_csv *c, struct bytes piece)
{
    while (piece.len > 0) {
        if (c->in_quotes && csv_quoted(c, &piece))
            continue;
        size_t i = 0;
        while (i < piece.len && !c->in_quotes)
            csv_byte(c, piece.data[i++]);
        piece = bytes_from(piece, i);
    }
}

static uint64_t csv_count(const struct records_csv *c)
{
    uint64_t rows = c->rows + c->has_content;
    bool has_header =
        c->header == CSV_HEADER_ALWAYS || (c->header == CSV_HEADER_BY_SHAPE && !c->has_number);
    return rows - (rows > 0 && has_header);
}

void records_take(struct records *r, struct bytes piece)
{
    switch (r->format) {
    case RECORDS_JSON:
        records_json_take(r, piece);
        break;
    case RECORDS_LINES:
        lines_take(&r->csv, piece);
        break;
    case RECORDS_CSV:
        csv_take(&r->csv, piece);
        break;
    case RECORDS_HTML:
        records_html_take(&r->html, piece);
        break;
    case RECORDS_XML:
        records_xml_take(&r->xml, piece);
        break;
    case RECORDS_NONE:
    case RECORDS_FORMATS_COUNT:
        break;
    }
}

bool records_count(const struct records *r, uint64_t *count)
{
    switch (r->format) {
    case RECORDS_JSON:
        return records_json_count(&r->json, count);
    case RECORDS_LINES:
    case RECORDS_CSV:
        *count = csv_count(&r->csv);
        return true;
    case RECORDS_HTML:
        *count = r->html.rows;
        return true;
    case RECORDS_XML:
        return records_xml_count(&r->xml, count);
    case RECORDS_NONE:
    case RECORDS_FORMATS_COUNT:
        break;
    }
    return false;
}
