/*
 * The file's changes of the clock, and those that its footer (a POSIX TZ string) promises for the
 * years after them, in one sorted array.
 */
#include "rules/zone.h"

#include "core/clock.h"
#include "core/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_LEN_MAX = 1 << 17, HOUR_S = 3600, DAY_S = 86400 };

struct zone_change {
    int64_t at_s;    /* UTC */
    int32_t ahead_s; /* from then on */
};

struct zone {
    int32_t first_s; /* ahead of UTC before the first change */
    size_t count;
    struct zone_change changes[ZONE_CHANGES_MAX];
};

/* Sizes of a TZif block, in the file's order. */
struct block {
    uint32_t isut, isstd, leaps, times, types, letters;
};

static bool read_head(struct cursor *c, struct block *b)
{
    struct bytes magic = cursor_take(c, 4);
    uint8_t version = cursor_u8(c);
    cursor_skip(c, 15);
    b->isut = cursor_be32(c);
    b->isstd = cursor_be32(c);
    b->leaps = cursor_be32(c);
    b->times = cursor_be32(c);
    b->types = cursor_be32(c);
    b->letters = cursor_be32(c);
    return !cursor_is_short(c) && bytes_are(magic, "TZif") && version >= '2' &&
           b->times <= ZONE_CHANGES_MAX && b->types >= 1 && b->types <= 256 && b->leaps <= 1024 &&
           b->letters <= 4096 && b->isut <= 256 && b->isstd <= 256;
}

/* The body with times of 8 bytes. */
static bool read_body(struct cursor *c, const struct block *b, struct zone *z)
{
    struct cursor times = cursor_inner(c, (size_t)b->times * 8);
    struct bytes kinds = cursor_take(c, b->times);
    struct bytes types = cursor_take(c, (size_t)b->types * 6);
    cursor_skip(c, b->letters + b->leaps * 12 + b->isstd + b->isut);
    if (cursor_is_short(c))
        return false;
    for (uint32_t i = 0; i <= b->times; i++) {
        uint8_t kind = i > 0 ? kinds.data[i - 1] : 0;
        struct cursor type = cursor_over(bytes_from(types, (size_t)kind * 6));
        int32_t ahead_s = (int32_t)cursor_be32(&type);
        if (cursor_is_short(&type) || ahead_s < -DAY_S || ahead_s > DAY_S)
            return false;
        if (i == 0)
            z->first_s = ahead_s;
        else
            z->changes[z->count++] = (struct zone_change){(int64_t)cursor_be64(&times), ahead_s};
    }
    return true;
}

/* "<+0330>", "CEST" */
static bool skip_letters(struct cursor *c)
{
    struct bytes rest = cursor_rest(c);
    size_t len = 0;
    if (rest.len > 0 && rest.data[0] == '<')
        len = bytes_index(rest, '>') + 1;
    else
        while (len < rest.len && ((rest.data[len] | 0x20) >= 'a' && (rest.data[len] | 0x20) <= 'z'))
            len++;
    cursor_skip(c, len);
    return len > 0 && !cursor_is_short(c);
}

static bool next_is(const struct cursor *c, char sign)
{
    struct bytes rest = cursor_rest(c);
    return rest.len > 0 && rest.data[0] == (uint8_t)sign;
}

static int32_t read_number(struct cursor *c)
{
    int32_t number = 0;
    for (struct bytes rest = cursor_rest(c);
         rest.len > 0 && rest.data[0] >= '0' && rest.data[0] <= '9' && number < 100000;
         rest = cursor_rest(c))
        number = number * 10 + (cursor_u8(c) - '0');
    return number;
}

/* "-1", "3:30", "+12:45:00", in seconds */
static int32_t read_span(struct cursor *c)
{
    int32_t sign = next_is(c, '-') ? -1 : 1, factor = HOUR_S, span = 0;
    if (next_is(c, '-') || next_is(c, '+'))
        cursor_skip(c, 1);
    span = read_number(c) % 1000 * factor;
    while (factor > 1 && next_is(c, ':')) {
        cursor_skip(c, 1);
        factor /= 60;
        span += read_number(c) % 60 * factor;
    }
    return sign * span;
}

/* The days since 1970 of a date of the Gregorian calendar. */
static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "M3.5.0/2": the last Sunday of March at two.  The other forms of POSIX are no zone's today. */
struct yearly {
    int32_t month, week, weekday, time_s;
};

static bool read_yearly(struct cursor *c, struct yearly *y)
{
    if (!next_is(c, ','))
        return false;
    cursor_skip(c, 1);
    if (!next_is(c, 'M'))
        return false;
    cursor_skip(c, 1);
    y->month = read_number(c);
    cursor_skip(c, 1);
    y->week = read_number(c);
    cursor_skip(c, 1);
    y->weekday = read_number(c);
    y->time_s = 2 * HOUR_S;
    if (next_is(c, '/')) {
        cursor_skip(c, 1);
        y->time_s = read_span(c);
    }
    return y->month >= 1 && y->month <= 12 && y->week >= 1 && y->week <= 5 && y->weekday <= 6;
}

/* In local seconds. */
static int64_t yearly_at(const struct yearly *y, int64_t year)
{
    int64_t first = day_of(year, y->month, 1);
    int64_t next = y->month == 12 ? day_of(year + 1, 1, 1) : day_of(year, y->month + 1, 1);
    int64_t day = first + (y->weekday - (first + 4) % 7 + 7) % 7 + 7 * (y->week - 1);
    while (day >= next)
        day -= 7;
    return day * DAY_S + y->time_s;
}

static void change_add(struct zone *z, int64_t at_s, int32_t ahead_s)
{
    bool is_later = z->count == 0 || at_s > z->changes[z->count - 1].at_s;
    if (is_later && z->count < ZONE_CHANGES_MAX)
        z->changes[z->count++] = (struct zone_change){at_s, ahead_s};
}

/* The changes of the years to come; a footer without summer time promises none. */
static bool read_footer(struct cursor *c, struct zone *z)
{
    struct yearly summer, winter;
    if (cursor_left(c) == 0)
        return true;
    if (!skip_letters(c))
        return false;
    int32_t standard_s = -read_span(c), summer_s = standard_s + HOUR_S;
    if (z->count == 0)
        z->first_s = standard_s;
    if (cursor_left(c) == 0)
        return true;
    if (!skip_letters(c))
        return false;
    if (!next_is(c, ','))
        summer_s = -read_span(c);
    if (!read_yearly(c, &summer) || !read_yearly(c, &winter))
        return false;
    for (int64_t year = 1970; year <= ZONE_LAST_YEAR; year++) {
        int64_t on_s = yearly_at(&summer, year) - standard_s;
        int64_t off_s = yearly_at(&winter, year) - summer_s;
        change_add(z, on_s < off_s ? on_s : off_s, on_s < off_s ? summer_s : standard_s);
        change_add(z, on_s < off_s ? off_s : on_s, on_s < off_s ? standard_s : summer_s);
    }
    return true;
}

struct zone *zone_parse(struct bytes file)
{
    struct cursor c = cursor_over(file);
    struct block old, block;
    struct zone *z = calloc(1, sizeof(*z));
    bool is_good = z && read_head(&c, &old);
    if (is_good) { /* the first block has times of 4 bytes */
        cursor_skip(&c, (size_t)old.times * 5 + (size_t)old.types * 6 + old.letters +
                            (size_t)old.leaps * 8 + old.isstd + old.isut);
        is_good = read_head(&c, &block) && read_body(&c, &block, z) && cursor_u8(&c) == '\n';
    }
    if (is_good) {
        struct cursor footer = cursor_over(cursor_until(&c, '\n'));
        is_good = !cursor_is_short(&c) && read_footer(&footer, z);
    }
    if (is_good)
        return z;
    free(z);
    return NULL;
}

static bool is_name(struct bytes name)
{
    bool is_good = name.len > 0 && name.len < ZONE_NAME_MAX && name.data[0] != '/';
    for (size_t i = 0; is_good && i < name.len; i++) {
        uint8_t c = name.data[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c != 0 && strchr("/_+-", c) != NULL);
    }
    return is_good;
}

bool zone_open(struct zone **z, struct bytes name, struct error *error)
{
    char path[ZONE_NAME_MAX + sizeof("/usr/share/zoneinfo/")];
    *z = NULL;
    if (!is_name(name))
        return error_set(error, ERROR_USAGE, "not a time zone: write it as Europe/Stockholm");
    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", (int)name.len,
                   (const char *)name.data);
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set(error, ERROR_USAGE, "no time zone '%.*s': %s: %s", (int)name.len,
                         (const char *)name.data, path, strerror(errno));
    uint8_t *data = malloc(FILE_LEN_MAX);
    size_t len = data ? fread(data, 1, FILE_LEN_MAX, file) : 0;
    *z = zone_parse((struct bytes){data, len});
    free(data);
    (void)fclose(file);
    return *z || error_set(error, ERROR_USAGE, "%s is no file of a time zone", path);
}

void zone_close(struct zone *z)
{
    free(z);
}

int64_t zone_ahead_s(const struct zone *z, int64_t utc_ns)
{
    if (!z)
        return 0;
    int64_t utc_s = utc_ns / CLOCK_SECOND_NS - (utc_ns % CLOCK_SECOND_NS < 0);
    size_t low = 0, high = z->count; /* changes before `low` have happened */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at_s <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? z->changes[low - 1].ahead_s : z->first_s;
}

int64_t zone_to_utc(const struct zone *z, int64_t local_ns)
{
    int64_t guess_ns = local_ns - zone_ahead_s(z, local_ns) * CLOCK_SECOND_NS;
    return local_ns - zone_ahead_s(z, guess_ns) * CLOCK_SECOND_NS;
}

/* Local seconds since 1970. */
static int64_t local_s(const struct zone *z, int64_t utc_ns)
{
    int64_t utc_s = utc_ns / CLOCK_SECOND_NS - (utc_ns % CLOCK_SECOND_NS < 0);
    return utc_s + zone_ahead_s(z, utc_ns);
}

unsigned zone_hour(const struct zone *z, int64_t utc_ns)
{
    int64_t of_day = local_s(z, utc_ns) % DAY_S;
    return (unsigned)((of_day < 0 ? of_day + DAY_S : of_day) / HOUR_S);
}

/* 1970-01-01 was a Thursday. */
unsigned zone_weekday(const struct zone *z, int64_t utc_ns)
{
    int64_t seconds = local_s(z, utc_ns), day = seconds / DAY_S - (seconds % DAY_S < 0);
    return (unsigned)(((day + 3) % 7 + 7) % 7);
}
