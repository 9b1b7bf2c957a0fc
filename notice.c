#include "notice.h"

#include "rules/detector.h"
#include "rules/text.h"

const char *const NOTICE_NAMES[NOTICE_KINDS_COUNT] = {[NOTICE_ALERT] = "alert",
                                                      [NOTICE_FOLDED] = "folded",
                                                      [NOTICE_DIGEST] = "digest",
                                                      [NOTICE_HEALTH] = "health"};

bool notice_key(const struct notice *n, size_t i, enum field *f, struct bytes *value,
                char buffer[NOTICE_VALUE_MAX])
{
    if (!n->alert || i >= n->alert->rule->by_count)
        return false;
    *f = n->alert->rule->by[i];
    *value =
        text_cut(detector_shown(&n->alert->key, *f, 0, buffer, NOTICE_VALUE_MAX), NOTICE_VALUE_MAX);
    return true;
}
