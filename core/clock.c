/*
 * Time stamps as text (RFC 3339).  The calendar is computed here: the C library's is slow and keeps
 * globals.
 */
#include "core/clock.h"

#include "core/cursor.h"

static char *digits(char *at, unsigned value, unsigned width)
{
    for (unsigned i = width; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + width;
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar; an era is 400 years from a 1
 * March. */
static void date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned in_era = (unsigned)(days - era * 146097);
    unsigned years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * years + years / 4 - years / 100);
    unsigned shifted = (5 * in_year + 2) / 153;
    *day = in_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)years + era * 400 + (*month <= 2);
}

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned years = (unsigned)(year - era * 400);
    unsigned in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)(years * 365 + years / 4 - years / 100 + in_year) - 719468;
}

size_t clock_print(int64_t ns, char text[CLOCK_TEXT_MAX])
{
    int64_t seconds = ns / CLOCK_SECOND_NS, rest = ns % CLOCK_SECOND_NS, year;
    if (rest < 0) {
        rest += CLOCK_SECOND_NS;
        seconds--;
    }
    int64_t days = seconds / 86400, in_day = seconds % 86400;
    if (in_day < 0) {
        in_day += 86400;
        days--;
    }
    unsigned month, day, second = (unsigned)in_day;
    date_of(days, &year, &month, &day);
    char *at = digits(text, (unsigned)year, 4);
    *at++ = '-';
    at = digits(at, month, 2);
    *at++ = '-';
    at = digits(at, day, 2);
    *at++ = 'T';
    at = digits(at, second / 3600, 2);
    *at++ = ':';
    at = digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = digits(at, second % 60, 2);
    *at++ = '.';
    at = digits(at, (unsigned)rest, 9);
    *at++ = 'Z';
    *at = '\0';
    return (size_t)(at - text);
}

/* A number of exactly `width` digits, then `after` (0: nothing to check). */
static unsigned field(struct cursor *in, size_t width, uint8_t after)
{
    uint64_t value = 0;
    if (!bytes_number(cursor_take(in, width), &value) || (after && cursor_u8(in) != after))
        cursor_skip(in, SIZE_MAX);
    return (unsigned)value;
}

static int64_t fraction(struct cursor *in)
{
    int64_t value = 0, unit = CLOCK_SECOND_NS / 10;
    while (in->left > 0 && *in->at >= '0' && *in->at <= '9' && unit > 0) {
        value += (cursor_u8(in) - '0') * unit;
        unit /= 10;
    }
    return value;
}

bool clock_parse(int64_t *ns, struct bytes text)
{
    struct cursor in = cursor_over(text);
    unsigned year = field(&in, 4, '-'), month = field(&in, 2, '-'), day = field(&in, 2, 'T');
    unsigned hour = field(&in, 2, ':'), minute = field(&in, 2, ':'), second = field(&in, 2, 0);
    int64_t part = 0, offset = 0;
    if (in.left > 0 && *in.at == '.') {
        cursor_skip(&in, 1);
        part = fraction(&in);
    }
    uint8_t zone = cursor_u8(&in);
    if (zone == '+' || zone == '-') {
        offset = (int64_t)field(&in, 2, ':') * 3600;
        offset += (int64_t)field(&in, 2, 0) * 60;
        offset = zone == '-' ? -offset : offset;
    } else if (zone != 'Z') {
        return false;
    }
    if (cursor_is_short(&in) || in.left > 0 || month < 1 || month > 12 || day < 1 || day > 31 ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t seconds =
        days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    /* what int64_t holds ends in 2262 */
    if (seconds > INT64_MAX / CLOCK_SECOND_NS - 1 || seconds < INT64_MIN / CLOCK_SECOND_NS + 1)
        return false;
    *ns = seconds * CLOCK_SECOND_NS + part;
    return true;
}

bool clock_duration_parse(int64_t *ns, struct bytes text)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t number;
    if (text.len < 2 || !bytes_number(bytes_first(text, text.len - 1), &number) ||
        number > 1000000000)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.data[text.len - 1] == (uint8_t)units[i].letter) {
            int64_t seconds = (int64_t)number * units[i].seconds;
            if (seconds > INT64_MAX / CLOCK_SECOND_NS)
                return false;
            *ns = seconds * CLOCK_SECOND_NS;
            return true;
        }
    }
    return false;
}

int64_t clock_jump(struct clock_pair *p, int64_t first_ns, int64_t second_ns)
{
    int64_t ahead_ns = first_ns - second_ns, jump_ns = ahead_ns - p->ahead_ns;
    bool is_jump = p->is_known && jump_ns >= CLOCK_JUMP_NS;
    if (!p->is_known || jump_ns > 0)
        p->ahead_ns = ahead_ns;
    p->is_known = true;
    return is_jump ? jump_ns : 0;
}
