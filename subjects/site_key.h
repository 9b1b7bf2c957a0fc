/*
 * The site's key, with which identifiers of customers are hashed: a file of its own, readable for
 * its owner alone.  A line is a key of 32 hexadecimal digits; a line that begins with '#' is a
 * comment.  The first key is the one in use; to change it, put a new one above it: the old ones
 * still read lists of ids that were written under them.
 */
#ifndef SEEPWATCH_SUBJECTS_SITE_KEY_H
#define SEEPWATCH_SUBJECTS_SITE_KEY_H

#include "core/error.h"
#include "subjects/subjects.h"

/*
 * site_key_read takes the keys of that file; where there is no such file and may_create, it makes
 * one with a random key, and *is_new.  False with an error that tells what to do.
 */
bool site_key_read(struct subjects *s, const char *path, bool may_create, bool *is_new,
                   struct error *error);

/* site_key_random takes a key for this run alone; false where the system has no random bytes. */
bool site_key_random(struct subjects *s, struct error *error);

#endif
