/*
 * The configuration's section `http`.
 */
#ifndef SEEPWATCH_CONFIG_HTTP_H
#define SEEPWATCH_CONFIG_HTTP_H

#include "analyzers/http/http_settings.h"

struct problems;
struct yaml_node;

/* config_read_http fills the settings from that node; mistakes go to problems. */
void config_read_http(struct http_settings *s, const struct yaml_node *n,
                      struct problems *problems);

#endif
