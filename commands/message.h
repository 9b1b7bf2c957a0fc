/*
 * What a person reads on standard error.
 */
#ifndef SEEPWATCH_COMMANDS_MESSAGE_H
#define SEEPWATCH_COMMANDS_MESSAGE_H

#include "core/error.h"

/* message_error prints each line of the error's text behind the program's name. */
void message_error(const struct error *error);

#endif
