/*
 * The customers that the target of a request names: segments of the path by the segment before them
 * (/customers/4711), or by the operator's template (/lookup/{msisdn}), parameters by their names.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_SUBJECTS_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_SUBJECTS_H

#include "analyzers/analyzer.h"

/* http_subjects_ask asks for those of a target; pattern: the operator's template that it fits,
 * empty: none. */
void http_subjects_ask(struct exchange *x, struct request *r, struct bytes target,
                       struct bytes pattern);

/* http_path_kind tells what a list at that path (a template) holds: what its last segment is called
 * that is no identifier. */
enum subject_kind http_path_kind(const struct exchange *x, struct bytes path);

#endif
