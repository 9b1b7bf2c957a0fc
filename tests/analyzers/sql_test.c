/*
 * Shapes, hashes, actions and tables of statements in both dialects.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/sql.h"

#include <stdio.h>
#include <stdlib.h>

static struct sql sql; /* too large for the stack of a sanitized build's frames */

static struct bytes shape_of(const char *text, enum sql_dialect dialect)
{
    struct bytes script = bytes_of(text);
    if (!sql_read(&script, dialect, &sql))
        return (struct bytes){NULL, 0};
    return (struct bytes){(const uint8_t *)sql.shape, sql.shape_len};
}

static void assert_text(struct bytes is, const char *should, const char *from)
{
    if (bytes_are(is, should))
        return;
    print_error("%s\n is     \"%.*s\"\n not    \"%s\"\n", from, (int)is.len,
                is.len ? (const char *)is.data : "", should);
    fail();
}

struct shape_case {
    enum sql_dialect dialect;
    const char *text, *shape;
};

static const struct shape_case shapes[] = {
    {SQL_POSTGRESQL, "SELECT * FROM customers WHERE id = 4711",
     "SELECT * FROM customers WHERE id = ?"},
    {SQL_POSTGRESQL, "select  a , b\tfrom t\n where x='O''Brien'",
     "select a, b from t where x = ?"},
    {SQL_POSTGRESQL, "SELECT count(*) FROM t WHERE a IN (1,2,3)",
     "SELECT count(*) FROM t WHERE a IN (?)"},
    {SQL_POSTGRESQL, "SELECT 1 WHERE a IN( $1 , $2 )", "SELECT ? WHERE a IN (?)"},
    {SQL_POSTGRESQL, "WHERE (a,b) IN ((1,2),(3,4))", "WHERE (a, b) IN ((?))"},
    {SQL_POSTGRESQL, "INSERT INTO t (a,b) VALUES (1,'a'),(2,'b')",
     "INSERT INTO t(a, b) VALUES (?)"},
    {SQL_POSTGRESQL, "INSERT INTO t VALUES (1,NULL,now()),(2,'b',now()), (3, NULL, NULL)",
     "INSERT INTO t VALUES (?, now())"},
    {SQL_POSTGRESQL, "INSERT INTO t VALUES (1, f((2), 'x')), (3, 4) ON CONFLICT DO NOTHING",
     "INSERT INTO t VALUES (?, f((?), ?)) ON CONFLICT DO NOTHING"},
    {SQL_POSTGRESQL, "SELECT a FROM t WHERE b IS NULL AND c IS TRUE",
     "SELECT a FROM t WHERE b IS NULL AND c IS TRUE"},
    {SQL_POSTGRESQL, "SELECT 1, 2, a, 3, 4", "SELECT ?, a, ?"},
    {SQL_POSTGRESQL, "SELECT f(x, 1, y)", "SELECT f(x, ?, y)"},
    {SQL_POSTGRESQL, "SELECT (1), (b)", "SELECT (?), (b)"},
    {SQL_POSTGRESQL, "SELECT (1), (2, b)", "SELECT (?), (?, b)"},
    {SQL_POSTGRESQL, "SELECT (1), 2", "SELECT (?), ?"},
    {SQL_POSTGRESQL, "SELECT (1),", "SELECT (?),"},
    {SQL_POSTGRESQL, "SELECT '1'::text, x::int, 2 :: bigint", "SELECT ?::text, x::int, ?::bigint"},
    {SQL_POSTGRESQL, "SELECT 1e-5, 0x1F, 1_000, 1.5, .5, 1., 1e+10", "SELECT ?"},
    {SQL_POSTGRESQL, "WHERE a=-1 AND b<-1.5 AND c > - 2 AND d-1 = e - 1",
     "WHERE a = ? AND b < ? AND c > ? AND d - ? = e - ?"},
    {SQL_POSTGRESQL, "VALUES (-1, +2)", "VALUES (?)"},
    {SQL_POSTGRESQL, "SELECT -1 LIMIT -1", "SELECT ? LIMIT ?"},
    {SQL_POSTGRESQL, "SELECT E'it\\'s', 'a\\', b'01', X'1F', N'n', U&'\\0041', $$a'b$$, $x$ $$ $x$",
     "SELECT ?"},
    {SQL_POSTGRESQL, "SELECT e FROM b x WHERE n = 'x'", "SELECT e FROM b x WHERE n = ?"},
    {SQL_POSTGRESQL, "SELECT \"First Name\", U&\"d!0061ta\" FROM \"public\".\"T\"\"x\"",
     "SELECT \"First Name\", U&\"d!0061ta\" FROM \"public\".\"T\"\"x\""},
    {SQL_POSTGRESQL, "SELECT a /* one /* two 'x' */ 'y' */ , b -- 'z'\n FROM t",
     "SELECT a, b FROM t"},
    {SQL_POSTGRESQL, "SELECT a->>'x', b#>>'{a,b}', c @> '{}', d<->'[1]', e ? 'k', f||'x'",
     "SELECT a ->> ?, b #>> ?, c @> ?, d <-> ?, e ? ?, f || ?"},
    {SQL_POSTGRESQL, "SELECT a[1], a[1:2], ARRAY[1,2,3]", "SELECT a[?], a[? : ?], ARRAY[?]"},
    {SQL_POSTGRESQL, "SELECT t.* , a*b, DATE '2020-01-01', interval '1 day'",
     "SELECT t.*, a * b, DATE ?, interval ?"},
    {SQL_POSTGRESQL, "UPDATE t SET a = a+1 WHERE b BETWEEN 1 AND 2",
     "UPDATE t SET a = a + ? WHERE b BETWEEN ? AND ?"},
    {SQL_POSTGRESQL, "CREATE USER x PASSWORD 'secret'", "CREATE USER x PASSWORD ?"},
    {SQL_POSTGRESQL, "SELECT 'a'\n'b'", "SELECT ?"},
    {SQL_POSTGRESQL, "SELECT $1::int4, $12", "SELECT ?::int4, ?"},
    {SQL_POSTGRESQL, "SELECT a--1", "SELECT a"},
    {SQL_POSTGRESQL, "SELECT \"secret", "SELECT ?"},
    {SQL_POSTGRESQL, "SELECT 0x1e-5", "SELECT ? - ?"},
    {SQL_POSTGRESQL, "VALUES (1),", "VALUES (?),"},
    {SQL_POSTGRESQL, "SELECT `'secret'`", "SELECT ` ? `"},
    {SQL_POSTGRESQL, "SELECT a, t . b FROM s . t", "SELECT a, t.b FROM s.t"},
    {SQL_POSTGRESQL, "SELECT sum(a) FILTER(WHERE b) OVER(ORDER BY c)",
     "SELECT sum(a) FILTER (WHERE b) OVER (ORDER BY c)"},
    {SQL_POSTGRESQL, "SELECT caf\xc3\xa9 FROM t", "SELECT caf\xc3\xa9 FROM t"},
    {SQL_MYSQL, "SELECT \"it's \\\" x\", 'a\\'b', `select` FROM `t` # 'x'\n WHERE a=? -- y\n",
     "SELECT ?, `select` FROM `t` WHERE a = ?"},
    {SQL_MYSQL, "SELECT a=?,b=?", "SELECT a = ?, b = ?"},
    {SQL_ORACLE, "select q'[it's SECRET]', nq'!a'b!', N'x', 'it''s' from v$session where a = :1",
     "select ? from v$session where a = ?"},
    {SQL_ORACLE, "select a from t@link where b = :name and c = Q'(x)'",
     "select a from t @ link where b = ? and c = ?"},
    {SQL_ORACLE, "begin f('SECRET'); g(:x); end;", "begin f(?); g(?); end;"},
    {SQL_ORACLE, "select q'[SECRET", "select ?"},
    {SQL_MYSQL, "SELECT 1--1", "SELECT ? - ?"},
    {SQL_MYSQL, "SELECT /*!40001 SQL_NO_CACHE */ * FROM t /* 'x' */",
     "SELECT SQL_NO_CACHE * FROM t"},
    {SQL_MYSQL, "/*M!100 SELECT*/ 1 /*+ hint 'x' */", "SELECT ?"},
    {SQL_MYSQL, "SELECT @@version, @a := 5, _utf8'x', 0xFF, b'1', x'ff'",
     "SELECT @@version, @a := ?, _utf8 ?"},
    {SQL_MYSQL, "SELECT 'a' 'b' LIMIT 5, 10", "SELECT ? LIMIT ?"},
    {SQL_MYSQL,
     "INSERT INTO t (a) VALUES (1),(2) ON DUPLICATE KEY UPDATE a=VALUES(a), b = VALUES (b)",
     "INSERT INTO t(a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES (a), b = VALUES (b)"},
    {SQL_TRANSACT, "SELECT [a b], \"c\", N'x''y', 0x1F, $1.50, @id, @@rowcount FROM #tmp -- x",
     "SELECT [a b], \"c\", ?, @id, @@rowcount FROM #tmp"},
    {SQL_TRANSACT,
     "select a from [t]]s] where b = 'x\\' and c = N'y' /* a /* b */ c */ and d = e'z'",
     "select a from [t]]s] where b = ? and c = ? and d = e ?"},
    {SQL_TRANSACT_QUOTED, "select a from t where b = \"it's\"", "select a from t where b = ?"},
};

static void a_shape_has_no_literals_and_its_own_spaces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        assert_text(shape_of(shapes[i].text, shapes[i].dialect), shapes[i].shape, shapes[i].text);
}

/* The secret must not come out wherever the text is cut, and the work goes to the end. */
static void a_cut_literal_never_shows(void **state)
{
    static const struct shape_case cases[] = {
        {SQL_POSTGRESQL, "SELECT a FROM t WHERE n = 'SECRET SECRET' AND b", NULL},
        {SQL_POSTGRESQL, "SELECT a FROM t WHERE n = E'x\\'SECRET' AND b", NULL},
        {SQL_POSTGRESQL, "SELECT U&'SECRET', N'SECRET', $tag$SECRET $ $tag SECRET$tag$", NULL},
        {SQL_POSTGRESQL, "SELECT /* SECRET /* SECRET */ SECRET */ 1 -- SECRET\n", NULL},
        {SQL_MYSQL, "SELECT \"x''SECRET\\\"SECRET\", 'x\\\\' /* SECRET */ # SECRET", NULL},
        {SQL_TRANSACT, "SELECT N'SECRET', [a], 'x''SECRET' FROM t WHERE b = N'x\\SECRET'", NULL},
        {SQL_TRANSACT_QUOTED, "SELECT \"SECRET\" /* SECRET /* SECRET */ SECRET */, $1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].text);
        for (size_t cut = 1; cut <= len; cut++) {
            /* in memory of just that size, so that a sanitizer sees a byte too many */
            uint8_t *exact = malloc(cut);
            assert_non_null(exact);
            memcpy(exact, cases[i].text, cut);
            struct bytes script = {exact, cut};
            while (sql_read(&script, cases[i].dialect, &sql)) {
                struct bytes shape = {(const uint8_t *)sql.shape, sql.shape_len};
                assert_int_equal(bytes_find(shape, bytes_of("SE")),
                                 bytes_start(shape, "SE") ? 0 : shape.len);
                assert_int_equal(bytes_find(shape, bytes_of("CRET")), shape.len);
            }
            free(exact);
        }
    }
}

static uint64_t hash_of(const char *text, enum sql_dialect dialect)
{
    (void)shape_of(text, dialect);
    return sql.hash;
}

static void the_hash_is_of_the_shape_without_case(void **state)
{
    (void)state;
    uint64_t one = hash_of("SELECT a FROM t WHERE b IN (1)", SQL_POSTGRESQL);
    assert_int_equal(one, hash_of("select A\n from T where B in ('x', 'y')", SQL_POSTGRESQL));
    assert_int_equal(one, hash_of("select A from T where B in ('x', 'y')", SQL_MYSQL));
    assert_int_not_equal(one, hash_of("SELECT a FROM u WHERE b IN (1)", SQL_POSTGRESQL));
    assert_int_not_equal(hash_of("SELECT \"a\"", SQL_POSTGRESQL),
                         hash_of("SELECT \"A\"", SQL_POSTGRESQL));
    /* kept in files: must stay what it is */
    assert_int_equal(hash_of("SELECT 1", SQL_POSTGRESQL), UINT64_C(0xb066b48bba0c1c74));
}

static void the_hash_covers_what_the_shape_has_no_room_for(void **state)
{
    enum { LEN = 3 * SQL_SHAPE_MAX };
    static char text[LEN + 1];
    (void)state;
    memset(text, 'a', LEN);
    memcpy(text, "SELECT ", 7);
    uint64_t one = hash_of(text, SQL_POSTGRESQL);
    assert_int_equal(sql.shape_len, SQL_SHAPE_MAX);
    text[LEN - 1] = 'b';
    assert_int_not_equal(one, hash_of(text, SQL_POSTGRESQL));
}

struct sense_case {
    enum sql_dialect dialect;
    const char *text;
    enum action action;
    const char *operation, *tables;
};

static const struct sense_case senses[] = {
    {SQL_POSTGRESQL, "SELECT * FROM public.customers c, orders AS o JOIN \"Items\" i ON f(a,b), x",
     ACTION_READ, "SELECT", "public.customers orders Items x"},
    {SQL_POSTGRESQL, "select 1 from ONLY \"public\".\"Order Lines\"", ACTION_READ, "SELECT",
     "public.Order Lines"},
    {SQL_POSTGRESQL, "SELECT * FROM a, A, a b", ACTION_READ, "SELECT", "a"},
    {SQL_POSTGRESQL, "(SELECT a FROM b) UNION SELECT c FROM d", ACTION_READ, "SELECT", "b d"},
    {SQL_POSTGRESQL, "SELECT EXTRACT(year FROM ts), TRIM('x' FROM y), substring(z FROM 1) FROM t",
     ACTION_READ, "SELECT", "t"},
    {SQL_POSTGRESQL, "SELECT a FROM generate_series(1, 2) g, t WHERE a IS DISTINCT FROM b",
     ACTION_READ, "SELECT", "t"},
    {SQL_POSTGRESQL,
     "SELECT a FROM (SELECT b FROM u, v) x, w LEFT JOIN LATERAL (SELECT c FROM y) z", ACTION_READ,
     "SELECT", "u v w y"},
    {SQL_POSTGRESQL, "SELECT a FROM (t JOIN u USING (id)) WHERE b IN (SELECT c FROM v)",
     ACTION_READ, "SELECT", "t u v"},
    {SQL_POSTGRESQL, "SELECT a, b FROM t ORDER BY a, b LIMIT 5 FOR UPDATE OF t", ACTION_READ,
     "SELECT", "t"},
    {SQL_POSTGRESQL, "SELECT * INTO copy FROM customers", ACTION_WRITE, "SELECT", "copy customers"},
    {SQL_POSTGRESQL, "WITH a AS (SELECT 1 FROM t), b(x) AS (SELECT 2 FROM a) SELECT * FROM a, b, u",
     ACTION_READ, "SELECT", "t u"},
    {SQL_POSTGRESQL, "WITH RECURSIVE a AS (SELECT 1) INSERT INTO t SELECT * FROM a", ACTION_WRITE,
     "INSERT", "t"},
    {SQL_POSTGRESQL, "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", ACTION_WRITE,
     "SELECT", "t"},
    {SQL_POSTGRESQL, "INSERT INTO s.t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 1",
     ACTION_WRITE, "INSERT", "s.t"},
    {SQL_POSTGRESQL, "INSERT INTO t SELECT * FROM u", ACTION_WRITE, "INSERT", "t u"},
    {SQL_POSTGRESQL, "update t set a = 1 from u where t.b = u.b", ACTION_WRITE, "UPDATE", "t u"},
    {SQL_POSTGRESQL, "DELETE FROM t USING u, v WHERE t.a = u.a", ACTION_WRITE, "DELETE", "t u v"},
    {SQL_POSTGRESQL, "MERGE INTO t USING s ON a = b WHEN MATCHED THEN UPDATE SET c = 1",
     ACTION_WRITE, "MERGE", "t s"},
    {SQL_POSTGRESQL, "TRUNCATE a, b", ACTION_WRITE, "TRUNCATE", "a b"},
    {SQL_POSTGRESQL, "TRUNCATE TABLE ONLY a, b", ACTION_WRITE, "TRUNCATE", "a b"},
    {SQL_POSTGRESQL, "COPY t (a, b) FROM STDIN", ACTION_WRITE, "COPY", "t"},
    {SQL_POSTGRESQL, "COPY t TO STDOUT", ACTION_READ, "COPY", "t"},
    {SQL_POSTGRESQL, "COPY (SELECT * FROM t) TO STDOUT", ACTION_READ, "COPY", "t"},
    {SQL_POSTGRESQL, "EXPLAIN SELECT * FROM t", ACTION_READ, "EXPLAIN", "t"},
    {SQL_POSTGRESQL, "EXPLAIN ANALYZE DELETE FROM t", ACTION_WRITE, "EXPLAIN", "t"},
    {SQL_POSTGRESQL, "SHOW work_mem", ACTION_READ, "SHOW", ""},
    {SQL_POSTGRESQL, "FETCH 100 FROM c", ACTION_READ, "FETCH", ""},
    {SQL_POSTGRESQL, "VALUES (1)", ACTION_READ, "VALUES", ""},
    {SQL_POSTGRESQL, "TABLE t", ACTION_READ, "TABLE", "t"},
    {SQL_POSTGRESQL, "DECLARE c CURSOR FOR SELECT * FROM t", ACTION_OTHER, "DECLARE", "t"},
    {SQL_POSTGRESQL, "CREATE TABLE IF NOT EXISTS t (a int, b text)", ACTION_DEFINE, "CREATE", "t"},
    {SQL_POSTGRESQL, "CREATE TABLE t AS SELECT * FROM u", ACTION_DEFINE, "CREATE", "t u"},
    {SQL_POSTGRESQL, "DROP TABLE IF EXISTS a, b CASCADE", ACTION_DEFINE, "DROP", "a b"},
    {SQL_POSTGRESQL, "ALTER TABLE t ADD a int, ADD b int", ACTION_DEFINE, "ALTER", "t"},
    {SQL_POSTGRESQL, "REVOKE SELECT, UPDATE ON x FROM bob", ACTION_DEFINE, "REVOKE", ""},
    {SQL_POSTGRESQL, "SET search_path TO a, b", ACTION_OTHER, "SET", ""},
    {SQL_POSTGRESQL, "BEGIN", ACTION_OTHER, "BEGIN", ""},
    {SQL_POSTGRESQL, "DO $$ DELETE FROM t $$", ACTION_OTHER, "DO", ""},
    {SQL_POSTGRESQL, "EXECUTE p('x')", ACTION_OTHER, "EXECUTE", ""},
    {SQL_POSTGRESQL, "frobnicate_the_quite_long_thing", ACTION_OTHER, "FROBNICATE_THE_QUITE_LON",
     ""},
    {SQL_POSTGRESQL, "SELECT a FROM t.", ACTION_READ, "SELECT", "t"},
    {SQL_MYSQL, "SELECT * FROM `db`.`t` AS x, u INNER JOIN v STRAIGHT_JOIN w", ACTION_READ,
     "SELECT", "db.t u v w"},
    {SQL_MYSQL, "INSERT LOW_PRIORITY IGNORE t VALUES (1)", ACTION_WRITE, "INSERT", "t"},
    {SQL_MYSQL, "REPLACE INTO t SET a = REPLACE(b, 'x', 'y')", ACTION_WRITE, "REPLACE", "t"},
    {SQL_MYSQL, "SELECT a FROM t INTO @x", ACTION_READ, "SELECT", "t"},
    {SQL_MYSQL, "SELECT a INTO OUTFILE 'x' FROM t", ACTION_WRITE, "SELECT", "t"},
    {SQL_MYSQL, "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", ACTION_WRITE, "LOAD", "t"},
    {SQL_MYSQL, "UPDATE a, b SET a.x = b.x", ACTION_WRITE, "UPDATE", "a b"},
    {SQL_MYSQL, "SHOW TABLES FROM db", ACTION_READ, "SHOW", ""},
    {SQL_MYSQL, "SELECT a FROM event, function WHERE trigger = 1", ACTION_READ, "SELECT",
     "event function"},
    {SQL_MYSQL, "DESC t", ACTION_READ, "DESC", ""},
    {SQL_MYSQL, "SELECT 1 FROM a,b,c,d,e,f,g,h,i,j", ACTION_READ, "SELECT", "a b c d e f g h"},
    {SQL_TRANSACT, "set nocount on select a from [dbo].[Order Lines] where b in (select c from #t)",
     ACTION_READ, "SELECT", "dbo.Order Lines #t"},
    {SQL_TRANSACT, "declare @n int update customers set a = 1 from customers c join bills on b = c",
     ACTION_WRITE, "UPDATE", "customers bills"},
    {SQL_TRANSACT, "if exists (select 1 from t) delete u where a = 1", ACTION_WRITE, "DELETE",
     "t u"},
    {SQL_TRANSACT, "insert bulk dbo.customers (a int)", ACTION_WRITE, "INSERT", "dbo.customers"},
    {SQL_TRANSACT, "delete top (5) from t", ACTION_WRITE, "DELETE", "t"},
    {SQL_TRANSACT, "exec p_get @a = 1", ACTION_OTHER, "EXEC", ""},
    {SQL_TRANSACT, "create procedure p as select a from t", ACTION_DEFINE, "CREATE", "t"},
};

static void a_statement_tells_what_it_does_and_to_which_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(senses) / sizeof(senses[0]); i++) {
        const struct sense_case *c = &senses[i];
        char tables[SQL_NAMES_MAX + SQL_TABLES_MAX] = "";
        (void)shape_of(c->text, c->dialect);
        for (size_t n = 0; n < sql.tables_count; n++) {
            size_t len = strlen(tables);
            (void)snprintf(tables + len, sizeof(tables) - len, "%s%.*s", n ? " " : "",
                           (int)sql.tables[n].len, (const char *)sql.tables[n].data);
        }
        assert_text(bytes_of(tables), c->tables, c->text);
        assert_text((struct bytes){(const uint8_t *)sql.operation, sql.operation_len}, c->operation,
                    c->text);
        if (sql.action != c->action)
            print_error("%s\n", c->text);
        assert_int_equal(sql.action, c->action);
    }
}

struct script_case {
    enum sql_dialect dialect;
    const char *text;
    const char *shapes[4];
};

static const struct script_case scripts[] = {
    {SQL_POSTGRESQL, " ; /* x */ ; -- y", {NULL}},
    {SQL_POSTGRESQL, "", {NULL}},
    {SQL_POSTGRESQL, "BEGIN; SELECT ';', \";\" ;;COMMIT", {"BEGIN", "SELECT ?, \";\"", "COMMIT"}},
    {SQL_POSTGRESQL, "SELECT $$;$$; SELECT 2", {"SELECT ?", "SELECT ?"}},
    {SQL_POSTGRESQL,
     "CREATE RULE r AS DO (DELETE FROM a; SELECT 1); SELECT 2",
     {"CREATE RULE r AS DO(DELETE FROM a; SELECT ?)", "SELECT ?"}},
    {SQL_POSTGRESQL,
     "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 2; END; SELECT 3",
     {"CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN ? END; SELECT ?; END", "SELECT ?"}},
    {SQL_MYSQL,
     "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
     {"CREATE PROCEDURE p() BEGIN SELECT ?; SELECT ?; END"}},
    {SQL_MYSQL,
     "CREATE INDEX i ON event (a); CREATE TABLE event (trigger int); SELECT 2",
     {"CREATE INDEX i ON event(a)", "CREATE TABLE event(trigger int)", "SELECT ?"}},
    {SQL_MYSQL, "SELECT '\\';'; SELECT 2", {"SELECT ?", "SELECT ?"}},
};

static void a_script_is_taken_apart_at_its_semicolons(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct bytes script = bytes_of(scripts[i].text);
        size_t n = 0;
        while (sql_read(&script, scripts[i].dialect, &sql)) {
            assert_true(n < 3);
            assert_text((struct bytes){(const uint8_t *)sql.shape, sql.shape_len},
                        scripts[i].shapes[n] ? scripts[i].shapes[n] : "", scripts[i].text);
            n++;
        }
        assert_null(scripts[i].shapes[n]);
        assert_int_equal(script.len, 0);
    }
}

/* Takes the script apart by hashes alone, beside sql_read; returns how many could be told. */
static size_t hash_alone(const char *text, enum sql_dialect dialect)
{
    struct bytes script = bytes_of(text), rest = script;
    size_t told = 0;
    uint64_t hash;
    bool has_values;
    for (;; rest = script, told++) {
        bool is_told = sql_hash(&rest, dialect, &hash, &has_values);
        assert_true(is_told || rest.data == script.data);
        if (!sql_read(&script, dialect, &sql))
            return told;
        if (!is_told)
            return told;
        assert_int_equal(hash, sql.hash);
        assert_int_equal(rest.len, script.len);
    }
}

static void the_hash_alone_is_that_of_the_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        (void)hash_alone(shapes[i].text, shapes[i].dialect);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        (void)hash_alone(scripts[i].text, scripts[i].dialect);
    assert_int_equal(hash_alone("SELECT (1; 2); SELECT \"B\", b; ;", SQL_POSTGRESQL), 2);
    assert_int_equal(hash_alone("SELECT 1; CREATE PROCEDURE p() SELECT 2; x", SQL_MYSQL), 1);
}

static void placeholders_are_no_values(void **state)
{
    static const struct {
        enum sql_dialect dialect;
        const char *text;
        bool has_values;
    } cases[] = {
        {SQL_POSTGRESQL, "SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)", false},
        {SQL_POSTGRESQL, "SELECT a FROM t WHERE b = $1 AND c IN ($2, 3)", true},
        {SQL_POSTGRESQL, "SELECT $$ text $$", true},
        {SQL_POSTGRESQL, "SELECT 'text'", true},
        {SQL_POSTGRESQL, "SELECT \"name\"", false},
        {SQL_MYSQL, "SELECT \"text\"", true},
        {SQL_MYSQL, "INSERT INTO t VALUES (?, ?), (?, ?)", false},
        {SQL_MYSQL, "INSERT INTO t VALUES (?, ?), (?, 4)", true},
        {SQL_MYSQL, "COMMIT", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes script = bytes_of(cases[i].text);
        uint64_t hash;
        bool has_values;
        assert_true(sql_hash(&script, cases[i].dialect, &hash, &has_values));
        assert_int_equal(has_values, cases[i].has_values);
    }
}

static void names_beyond_their_room_are_left_out(void **state)
{
    char text[2 * SQL_NAMES_MAX];
    (void)state;
    memset(text, 'n', sizeof(text) - 1);
    memcpy(text, "SELECT 1 FROM a,", 16);
    text[sizeof(text) - 1] = '\0';
    (void)shape_of(text, SQL_POSTGRESQL);
    assert_int_equal(sql.tables_count, 1);
    assert_true(bytes_are(sql.tables[0], "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shape_has_no_literals_and_its_own_spaces),
        cmocka_unit_test(a_cut_literal_never_shows),
        cmocka_unit_test(the_hash_is_of_the_shape_without_case),
        cmocka_unit_test(the_hash_covers_what_the_shape_has_no_room_for),
        cmocka_unit_test(a_statement_tells_what_it_does_and_to_which_tables),
        cmocka_unit_test(a_script_is_taken_apart_at_its_semicolons),
        cmocka_unit_test(the_hash_alone_is_that_of_the_shape),
        cmocka_unit_test(placeholders_are_no_values),
        cmocka_unit_test(names_beyond_their_room_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
