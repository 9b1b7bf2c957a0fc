/*
 * Where the analyzers' fuzz target starts: the scripts of their tests, as its inputs (see
 * analyzer_fuzz.c), each as a connection that was seen from its beginning, and as one that was not.
 *
 *   fuzz_seeds FOLDER SCRIPT...
 */
#include "tests/analyzers/script_read.h"

#include "analyzers/registry.h"

enum {
    STEP_LONG = 2,
    STEP_GAP = 0x30,
    STEP_END = 0x50,
    LEN_MAX = 60000, /* bytes of a step */
    PORT = 1,
};

static void put_step(FILE *out, const struct script *s, const struct script_step *step)
{
    size_t len = step->len < LEN_MAX ? step->len : LEN_MAX;
    unsigned control = step->kind == SCRIPT_END   ? STEP_END
                       : step->kind == SCRIPT_GAP ? STEP_GAP | STEP_LONG
                                                  : STEP_LONG;
    (void)fputc((int)(control | step->direction), out);
    if (control & STEP_LONG)
        (void)fputc((int)(len >> 8), out);
    (void)fputc((int)(len & UINT8_MAX), out);
    if (step->kind == SCRIPT_DATA)
        (void)fwrite(s->bytes + step->at, 1, len, out);
}

/* FOLDER/tds-simple-0 of .../tds/simple.script */
static bool write_seed(const char *folder, const struct script *s, struct bytes analyzer,
                       const char *name, int setup)
{
    char path[SCRIPT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%.*s-%s-%d", folder, (int)analyzer.len,
                   (const char *)analyzer.data, name, setup);
    FILE *out = fopen(path, "wb");
    if (!out)
        return false;
    (void)fputc((int)analyzer_find(analyzer), out);
    (void)fputc(setup, out);
    for (size_t i = 0; i < s->steps_count; i++)
        put_step(out, s, &s->steps[i]);
    return fclose(out) == 0;
}

static bool write_seeds(const char *folder, const char *path)
{
    const char *name = strrchr(path, '/');
    size_t begin = name ? (size_t)(name - path) : 0;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    if (!name)
        return false;
    struct bytes analyzer = bytes_first(bytes_of(path + begin), (size_t)(name - path) - begin);
    struct script *s = script_open(path, PORT);
    bool is_written = write_seed(folder, s, analyzer, name + 1, 0) &&
                      write_seed(folder, s, analyzer, name + 1, 1);
    script_close(s);
    return is_written;
}

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (!write_seeds(argv[1], argv[i])) {
            (void)fprintf(stderr, "fuzz_seeds: no seed of %s\n", argv[i]);
            return 1;
        }
    }
    return 0;
}
