/*
 * What SIM cards and telephones are known by: IMSI (3GPP TS 23.003, section 2; country codes of
 * ITU-T E.212), ICCID (ITU-T E.118), IMEI and IMEISV (3GPP TS 23.003, section 6).
 */
#include "subjects/digits.h"
#include "subjects/identifier.h"
#include "subjects/phone.h"

enum { IMEI_SIGNS = 3 /* in 35-209900-176148-1 */ };

/* Mobile country codes, from and to. */
static const struct {
    uint16_t first, last;
} mobile_countries[] = {
    {202, 202}, {204, 204}, {206, 206}, {208, 208}, {212, 214}, {216, 216}, {218, 222}, {225, 226},
    {228, 228}, {230, 232}, {234, 235}, {238, 238}, {240, 240}, {242, 242}, {244, 244}, {246, 248},
    {250, 250}, {255, 255}, {257, 257}, {259, 260}, {262, 262}, {266, 266}, {268, 268}, {270, 270},
    {272, 272}, {274, 274}, {276, 276}, {278, 278}, {280, 280}, {282, 284}, {286, 286}, {288, 290},
    {292, 295}, {297, 297}, {302, 302}, {308, 308}, {310, 316}, {330, 330}, {332, 332}, {334, 334},
    {338, 338}, {340, 340}, {342, 342}, {344, 344}, {346, 346}, {348, 348}, {350, 350}, {352, 352},
    {354, 354}, {356, 356}, {358, 358}, {360, 360}, {362, 366}, {368, 368}, {370, 370}, {372, 372},
    {374, 374}, {376, 376}, {400, 402}, {404, 406}, {410, 410}, {412, 422}, {424, 432}, {434, 438},
    {440, 441}, {450, 450}, {452, 452}, {454, 457}, {460, 461}, {466, 467}, {470, 470}, {472, 472},
    {502, 502}, {505, 505}, {510, 510}, {514, 515}, {520, 520}, {525, 525}, {528, 528}, {530, 530},
    {536, 537}, {539, 555}, {602, 659}, {702, 702}, {704, 704}, {706, 706}, {708, 708}, {710, 710},
    {712, 712}, {714, 714}, {716, 716}, {722, 722}, {724, 724}, {730, 730}, {732, 732}, {734, 734},
    {736, 736}, {738, 738}, {740, 740}, {742, 742}, {744, 744}, {746, 746}, {748, 748}, {750, 750},
    {901, 901},
};

/* Bodies that report telephones; the first two digits of an IMEI. */
static const uint8_t reporting_bodies[] = {1,  10, 30, 33, 35, 44, 45, 49, 50,
                                           51, 52, 53, 54, 86, 91, 98, 99};

static bool is_mobile_country(unsigned code)
{
    for (size_t i = 0; i < sizeof(mobile_countries) / sizeof(mobile_countries[0]); i++) {
        if (code >= mobile_countries[i].first && code <= mobile_countries[i].last)
            return true;
    }
    return false;
}

bool identifier_read_imsi(const struct reading *r)
{
    char digits[15];
    size_t count = digits_of(r->text, "", digits, sizeof(digits));
    if (count < (r->is_sure ? 15 : 14))
        return false;
    unsigned code = digits_number(digits, 3);
    if (r->is_sure ? !phone_has_mobile_country(r->countries, code) : !is_mobile_country(code))
        return false;
    return identifier_set(r->id, digits, count, 0);
}

/* Some write an F behind 19 digits, to fill the last byte. */
bool identifier_read_iccid(const struct reading *r)
{
    char digits[20];
    struct bytes text = r->text;
    if (!r->is_sure && text.len == 20 && (text.data[19] | 0x20) == 'f')
        text = bytes_first(text, 19);
    size_t count = digits_of(text, " -", digits, sizeof(digits));
    if (count < (r->is_sure ? 19 : 18) || digits[0] != '8' || digits[1] != '9')
        return false;
    bool has_check = count >= 19 && digits_luhn(digits, count);
    if (r->is_sure && (!has_check || !phone_has_country(digits + 2, 3)))
        return false;
    return identifier_set(r->id, digits, count, has_check);
}

/* The first 14 digits name the telephone; then comes a check digit, or the version of its software.
 */
bool identifier_read_imei(const struct reading *r)
{
    char digits[16];
    size_t count = digits_of(r->text, " -/", digits, sizeof(digits));
    bool is_known = false;
    if (count < 14)
        return false;
    for (size_t i = 0; i < sizeof(reporting_bodies); i++)
        is_known = is_known || digits_number(digits, 2) == reporting_bodies[i];
    bool is_written_well = r->text.len == count || r->text.len == count + IMEI_SIGNS;
    if (r->is_sure && (count != 15 || !is_known || !is_written_well))
        return false;
    if (count == 15 && !digits_luhn(digits, count))
        return false;
    return identifier_set(r->id, digits, 14, 0);
}
