/*
 * What lasts of the rules at work (rules/engine.h) in a state (profile/state.h): of every rule its
 * keys with what its detector knows of them, what `unless before` goes by, and the evidence.  A
 * rule finds its part by its id, and takes it where its meaning (rules/meaning.h) and its
 * detector's version are the same.
 */
#ifndef SEEPWATCH_RULES_SAVE_H
#define SEEPWATCH_RULES_SAVE_H

#include "profile/state.h"
#include "rules/engine.h"

struct engine_restored {
    size_t rules; /* that go on */
    size_t anew;  /* that the state has, but not as they are now */
    uint64_t keys;
};

/* engine_restore takes up what the state has, before the first transaction; from then on what
 * changes is noted, to be saved.  `tell`: each rule that begins anew although it was there. */
void engine_restore(struct engine *e, struct state *s, struct engine_restored *restored,
                    void (*tell)(void *context, const char *text), void *context);

/* engine_save_begin takes up everything as it is now, between the state's begin and commit. */
void engine_save_begin(struct engine *e, struct state *s, bool is_whole);
/* engine_save_step writes the next of it, up to that many keys and as long as the state has room;
 * false once all is written. */
bool engine_save_step(struct engine *e, size_t keys_max);
/* engine_save_abandon leaves it at that; also called before a swap of the rules. */
void engine_save_abandon(struct engine *e);

#endif
