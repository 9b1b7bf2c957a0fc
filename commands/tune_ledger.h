/*
 * What `tune` can ask of a ledger: it knows an account's hours, not its transactions one by one.
 */
#ifndef SEEPWATCH_COMMANDS_TUNE_LEDGER_H
#define SEEPWATCH_COMMANDS_TUNE_LEDGER_H

#include "core/error.h"
#include "profile/ledger_read.h"
#include "rules/rule.h"

/* tune_ledger_check tells whether the ledger in that file has what a rule asks for. */
bool tune_ledger_check(const struct rule *rule, const char *path, struct error *error);

/* tune_ledger_note tells on standard error, once it was read, in what the figures are not those of
 * a log. */
void tune_ledger_note(const struct rule *rule, const struct ledger_reader *ledger);

#endif
