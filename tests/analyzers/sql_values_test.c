/*
 * Which values a statement looks for, in all dialects.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/sql_values.h"

#include <stdio.h>

enum { TOLD_MAX = 1024 };

/* What was told, as text: "m=4670 e=$2 c=@id". */
struct told {
    char text[TOLD_MAX];
    size_t len;
};

static const char letters[] = "-mec";

static unsigned kind_of(void *context, struct bytes column)
{
    (void)context;
    return bytes_are_nocase(column, "msisdn")        ? 1
           : bytes_are_nocase(column, "email")       ? 2
           : bytes_are_nocase(column, "customer_id") ? 3
                                                     : 0;
}

static void add(struct told *told, unsigned kind, const char *sign, struct bytes text)
{
    int len = snprintf(told->text + told->len, TOLD_MAX - told->len, "%c=%s%.*s ", letters[kind],
                       sign, (int)text.len, text.len ? (const char *)text.data : "");
    assert_true(len >= 0 && (size_t)len < TOLD_MAX - told->len);
    told->len += (size_t)len;
}

static void take(void *context, const struct sql_value *v)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", v->number);
    if (!v->is_placeholder)
        add(context, v->kind, "", v->text);
    else if (v->number == 0)
        add(context, v->kind, "", v->name);
    else
        add(context, v->kind, "#", bytes_of(number));
}

static void read_values(struct told *told, struct bytes text, enum sql_dialect dialect)
{
    told->text[0] = '\0';
    told->len = 0;
    (void)sql_values(text, dialect, &(struct sql_values_events){kind_of, take, told});
}

static const struct {
    enum sql_dialect dialect;
    const char *text, *values;
} cases[] = {
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = '4670'", "m=4670 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE x = '4670' AND msisdn = 4670", "m=4670 "},
    {SQL_POSTGRESQL, "SELECT a FROM t x WHERE x.msisdn='1' OR public.t.\"msisdn\" = '2'",
     "m=1 m=2 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn IN ('1', '2' , $3)", "m=1 m=2 m=#3 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn IN (SELECT b FROM u WHERE email = 'x')", "e=x "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn NOT IN ('1') AND NOT email = 'x'", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn <> '1' OR msisdn > '2' OR '3' = msisdn", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn BETWEEN '1' AND '2'", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn LIKE '46%' OR email ILIKE 'a@b.c'",
     "m= e=a@b.c "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE lower(trim(email)) = lower('A@b.c')", "e=A@b.c "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE replace(msisdn, ' ', '') = $1", "m=#1 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE coalesce(a, msisdn) = '1'", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE (a, msisdn) = ('1', '2')", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE (msisdn) = ('1') AND b = 2", "m=1 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE CAST(msisdn AS text) = '1'::text", "m=1 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn::text = '1' AND email::citext = $2",
     "m=1 e=#2 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = ANY(ARRAY['1', '2'])", "m=1 m=2 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = ANY('{1,\"2\", 3}')", "m=1 m=2 m=3 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = any ($1::text[])", "m=#1 "},
    {SQL_POSTGRESQL, "SELECT a FROM t JOIN u ON t.msisdn = u.msisdn AND u.email = 'x'", "e=x "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE d ->> 'msisdn' = '1'", "m=1 "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = E'1' OR msisdn = $q$2$q$ OR msisdn = 'O''B'",
     "m=1 m=2 m= "},
    {SQL_POSTGRESQL, "SELECT msisdn, 1 FROM t GROUP BY msisdn HAVING count(*) = 1", ""},
    {SQL_POSTGRESQL, "SELECT '1' AS msisdn INTO t FROM u WHERE email = 'x'", "e=x "},
    {SQL_POSTGRESQL, "UPDATE t SET a = 1, msisdn = '2' WHERE customer_id = 3", "m=2 c=3 "},
    {SQL_POSTGRESQL, "DELETE FROM t USING u WHERE t.msisdn = '1'", "m=1 "},
    {SQL_POSTGRESQL, "INSERT INTO t (a, \"msisdn\", email) VALUES (1, '2', '3'), (4, '5', NULL)",
     "m=2 e=3 m=5 e= "},
    {SQL_POSTGRESQL, "INSERT INTO t (msisdn, a) VALUES ($1, f('x', 2)), (lower('3'), $4)",
     "m=#1 m=3 "},
    {SQL_POSTGRESQL,
     "INSERT INTO t (msisdn) VALUES ('1') ON CONFLICT (msisdn) DO UPDATE SET email = 'x'",
     "m=1 e=x "},
    {SQL_POSTGRESQL, "INSERT INTO t (msisdn) SELECT a FROM u WHERE email = 'x'", "e=x "},
    {SQL_POSTGRESQL, "INSERT INTO t VALUES ('1')", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = '12", "m= "},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn", ""},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE msisdn = (SELECT max(b) FROM u) AND c = '1'", ""},
    {SQL_MYSQL, "SELECT a FROM t WHERE `t`.`msisdn` = \"1\" AND x = ? AND email = ?", "m=1 e=#2 "},
    {SQL_MYSQL, "SELECT a FROM t WHERE msisdn <=> _utf8mb4'1' OR msisdn = N'2'", "m=1 m=2 "},
    {SQL_MYSQL, "INSERT IGNORE INTO t SET msisdn = ?, email = ?", "m=#1 e=#2 "},
    {SQL_MYSQL, "REPLACE INTO t (customer_id, msisdn) VALUES (?, ?), (?, ?)",
     "c=#1 m=#2 c=#3 m=#4 "},
    {SQL_MYSQL, "SELECT d->>'$.msisdn' FROM t WHERE d->>'$.msisdn' = '1'", "m=1 "},
    {SQL_TRANSACT, "SELECT a FROM t WHERE [msisdn] = N'1' AND [t].[email] = @P1", "m=1 e=@P1 "},
    {SQL_TRANSACT, "EXEC dbo.find @msisdn = '1', @x = 2", "m=1 "},
    {SQL_TRANSACT, "INSERT INTO t (msisdn, x) OUTPUT INSERTED.id VALUES (@a, @b)", "m=@a "},
    {SQL_TRANSACT,
     "MERGE INTO t USING s ON (t.msisdn = s.msisdn) WHEN NOT MATCHED THEN INSERT "
     "(email) VALUES (@e)",
     "e=@e "},
    {SQL_ORACLE, "SELECT a FROM t WHERE msisdn = :1 AND email IN (:mail, q'[x]')",
     "m=#1 e=#2 e=x "},
    {SQL_ORACLE, "BEGIN find(msisdn => '1'); END;", "m=1 "},
};

static void a_value_beside_a_column_is_told(void **state)
{
    struct told told;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_values(&told, bytes_of(cases[i].text), cases[i].dialect);
        if (strcmp(told.text, cases[i].values) != 0)
            print_error("%s\n", cases[i].text);
        assert_string_equal(told.text, cases[i].values);
    }
}

/* A text that is cut tells at most what the whole one tells. */
static void a_cut_text_invents_no_quoted_value(void **state)
{
    struct told told;
    (void)state;
    const char *text = "SELECT a FROM t WHERE lower(email) IN ('abc', 'def') AND msisdn = 'ghi'";
    for (size_t len = 0; len < strlen(text); len++) {
        read_values(&told, bytes_first(bytes_of(text), len), SQL_POSTGRESQL);
        bool is_known = strstr("e=abc e=def m=ghi ", told.text) || strcmp(told.text, "e= ") == 0 ||
                        strcmp(told.text, "e=abc e= ") == 0 ||
                        strcmp(told.text, "e=abc e=def m= ") == 0;
        assert_true(is_known);
    }
}

static void deep_and_wide_texts_end(void **state)
{
    struct told told;
    static char text[65536];
    (void)state;
    memset(text, '(', sizeof(text));
    read_values(&told, (struct bytes){(const uint8_t *)text, sizeof(text)}, SQL_POSTGRESQL);
    memset(text, ')', sizeof(text));
    read_values(&told, (struct bytes){(const uint8_t *)text, sizeof(text)}, SQL_POSTGRESQL);
    size_t len = (size_t)snprintf(text, sizeof(text), "INSERT INTO t (");
    for (int n = 0; n < 4 * SQL_VALUES_COLUMNS_MAX; n++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "a,");
    len += (size_t)snprintf(text + len, sizeof(text) - len, "msisdn) VALUES ('1')");
    read_values(&told, (struct bytes){(const uint8_t *)text, len}, SQL_POSTGRESQL);
    assert_string_equal(told.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_beside_a_column_is_told),
        cmocka_unit_test(a_cut_text_invents_no_quoted_value),
        cmocka_unit_test(deep_and_wide_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
