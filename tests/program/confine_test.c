#include "tests/cmocka.h"

#include "commands/confine.h"
#include "commands/fence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a child does once it is confined; its exit status. */
typedef int action(void);

struct test {
    char folder[32], log[64], other_folder[64], rules[64], rule_file[80];
    struct output output, device;
};

static struct test *the; /* of the child's actions */

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    struct error error;
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/confine_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->other_folder, sizeof(t->other_folder), "%s.other", t->folder);
    assert_int_equal(mkdir(t->other_folder, 0700), 0);
    (void)snprintf(t->log, sizeof(t->log), "%s/log", t->folder);
    (void)snprintf(t->rules, sizeof(t->rules), "%s.rules", t->folder);
    assert_int_equal(mkdir(t->rules, 0700), 0);
    (void)snprintf(t->rule_file, sizeof(t->rule_file), "%s/a.yaml", t->rules);
    FILE *rules = fopen(t->rule_file, "w");
    assert_non_null(rules);
    assert_int_equal(fclose(rules), 0);
    assert_true(output_open(&t->output, t->log, true, &error));
    assert_true(output_open(&t->device, "/dev/null", true, &error));
    *state = the = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    struct error error;
    char moved[80];
    (void)snprintf(moved, sizeof(moved), "%s.1", t->log);
    assert_true(output_close(&t->output, &error));
    assert_true(output_close(&t->device, &error));
    (void)unlink(t->log);
    (void)unlink(moved);
    (void)unlink(t->rule_file);
    assert_int_equal(rmdir(t->rules), 0);
    assert_int_equal(rmdir(t->folder), 0);
    assert_int_equal(rmdir(t->other_folder), 0);
    free(t);
    return 0;
}

/* The status, as of waitpid, of a child that is confined, but for those rules, and then acts. */
static int status_with(action *act, const char *rules)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct output *const logs[] = {&the->output, &the->device};
        struct confine_needs needs = {
            .logs = logs, .logs_count = 2, .rules = &rules, .rules_count = rules != NULL};
        struct error error;
        if (!confine(&needs, &error)) {
            (void)fprintf(stderr, "%s\n", error.text);
            _exit(99);
        }
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int status_of(action *act)
{
    return status_with(act, NULL);
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int run_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int start_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child;
}

static int trace(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int kill_another(void)
{
    return kill(getppid(), 0);
}

static int abort_another(void)
{
    return (int)syscall(SYS_tgkill, getppid(), getppid(), SIGABRT);
}

static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == NULL;
}

static int make_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int type_into_terminal(void)
{
    return ioctl(0, TIOCSTI, "x");
}

static int send_from_ring(void)
{
    int size = 0;
    enum { PACKET_LEVEL = 263, TX_RING = 13 };
    return setsockopt(0, PACKET_LEVEL, TX_RING, &size, sizeof(size));
}

static int remove_log(void)
{
    return unlink(the->log);
}

static void a_system_call_that_no_run_needs_ends_it(void **state)
{
    static const struct {
        const char *name;
        action *act;
    } cases[] = {
        {"socket", make_socket},
        {"execve", run_program},
        {"fork", start_process},
        {"ptrace", trace},
        {"kill", kill_another},
        {"tgkill of another process", abort_another},
        {"mmap of code", map_code},
        {"mprotect to code", make_code},
        {"ioctl that types", type_into_terminal},
        {"setsockopt for sending", send_from_ring},
        {"unlink", remove_log},
    };
    (void)state;
    if (CONFINE_IS_SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = status_of(cases[i].act);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %#x", cases[i].name, (unsigned)status);
    }
}

static void *thread(void *context)
{
    /* an arena and a stack of its own */
    void *block = malloc(300000);
    free(block);
    return context;
}

static int start_threads(void)
{
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, thread, NULL) != 0)
            return 1;
    }
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}

static int use_memory(void)
{
    enum { BIG = 64 << 20 };
    char *block = calloc(1, 1000), *bigger = realloc(block, BIG);
    if (!bigger)
        return 1;
    bigger[BIG - 1] = 1;
    free(bigger);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static int sort(void)
{
    static char text[100000] = "made up";
    qsort(text, sizeof(text), 1, compare);
    return 0;
}

static int use_time(void)
{
    struct timespec t = {.tv_nsec = 1};
    struct tm parts;
    (void)nanosleep(&t, NULL);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return localtime_r(&t.tv_sec, &parts) == NULL;
}

static int print(void)
{
    (void)printf("%s", "");
    (void)fprintf(stderr, "%s", "");
    return fflush(stdout);
}

static void what_a_run_needs_goes_on(void **state)
{
    static const struct {
        const char *name;
        action *act;
    } cases[] = {{"threads", start_threads},
                 {"memory", use_memory},
                 {"qsort", sort},
                 {"time", use_time},
                 {"printing", print}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = status_of(cases[i].act);
        if (status != 0)
            fail_msg("%s: status %#x", cases[i].name, (unsigned)status);
    }
}

static int fail_an_assertion(void)
{
    abort();
}

static void an_assertion_that_fails_is_still_told_as_one(void **state)
{
    (void)state;
    int status = status_of(fail_an_assertion);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* errno of an open; 0: it is allowed. */
static int try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

static int open_password_file(void)
{
    return try_open("/etc/passwd", O_RDONLY);
}

static int read_log(void)
{
    return try_open(the->log, O_RDONLY);
}

static int create_elsewhere(void)
{
    char path[80];
    (void)snprintf(path, sizeof(path), "%s/log", the->other_folder);
    return try_open(path, O_WRONLY | O_CREAT);
}

static int reopen_log(void)
{
    struct error error;
    return !output_reopen(&the->output, &error);
}

static int begin_log(void)
{
    char path[80];
    (void)snprintf(path, sizeof(path), "%s.1", the->log);
    return try_open(path, O_WRONLY | O_CREAT | O_APPEND);
}

static int reopen_device(void)
{
    struct error error;
    return !output_reopen(&the->device, &error);
}

static int read_rule(void)
{
    return try_open(the->rule_file, O_RDONLY);
}

static int list_rules(void)
{
    struct dirent **entries;
    int count = scandir(the->rules, &entries, NULL, NULL);
    return count < 0 ? errno : count == 3 ? 0 : -1; /* with . and .. */
}

static int write_rule(void)
{
    return try_open(the->rule_file, O_WRONLY);
}

static int create_rule(void)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s.new", the->rule_file);
    return try_open(path, O_WRONLY | O_CREAT);
}

static bool has_landlock(void)
{
    struct fence fence;
    fence_open(&fence);
    if (fence.fd >= 0)
        (void)close(fence.fd);
    return fence.fd >= 0;
}

static void rules_can_be_read_again_and_no_more(void **state)
{
    struct test *t = *state;
    const struct {
        const char *name, *rules;
        action *act;
        int exit_status;
    } cases[] = {
        {"no rules", NULL, read_rule, EACCES},
        {"a file of a folder", t->rules, read_rule, 0},
        {"a folder", t->rules, list_rules, 0},
        {"a file", t->rule_file, read_rule, 0},
        {"the folder of a file", t->rule_file, list_rules, EACCES},
        {"a rule file is not written", t->rules, write_rule, EACCES},
        {"nor is there a new one", t->rules, create_rule, EACCES},
        {"what is elsewhere", t->rules, open_password_file, EACCES},
    };
    if (!has_landlock())
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = status_with(cases[i].act, cases[i].rules);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != cases[i].exit_status)
            fail_msg("%s: status %#x", cases[i].name, (unsigned)status);
    }
}

static int read_counters(void)
{
    return try_open("/sys/class/net/lo/statistics/rx_missed_errors", O_RDONLY);
}

static void only_logs_can_be_opened(void **state)
{
    static const struct {
        const char *name;
        action *act;
        int exit_status;
    } cases[] = {
        {"another file", open_password_file, EACCES},
        {"the log, to be read", read_log, EACCES},
        {"a file in another folder", create_elsewhere, EACCES},
        {"the log again", reopen_log, 0},
        {"a new file beside the log", begin_log, 0},
        {"a device that is a log", reopen_device, 0},
        {"an interface's counters", read_counters, EACCES},
    };
    (void)state;
    if (!has_landlock())
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].act == read_counters && access("/sys/class/net", F_OK) != 0)
            continue; /* no /sys here */
        int status = status_of(cases[i].act);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != cases[i].exit_status)
            fail_msg("%s: status %#x", cases[i].name, (unsigned)status);
    }
}

static void a_user_is_found_for_root_alone(void **state)
{
    struct confine_user user;
    struct error error;
    (void)state;
    if (geteuid() != 0) {
        assert_true(confine_find_user(&user, NULL, &error));
        assert_null(user.name);
        assert_false(confine_find_user(&user, "root", &error));
        assert_string_equal(error.text, "--user root: only root can become another user");
        return;
    }
    assert_true(confine_find_user(&user, NULL, &error));
    assert_non_null(user.name);
    assert_int_not_equal(user.uid, 0);
    assert_true(confine_find_user(&user, "root", &error));
    assert_int_equal(user.uid, 0);
    assert_false(confine_find_user(&user, "no such user", &error));
    assert_int_equal(error.kind, ERROR_USAGE);
    assert_string_equal(error.text, "there is no user no such user: name one with --user");
}

/* Peers that alerts go to: two sockets in the file system, two ports of the loopback. */
static struct peer_address peers[4];

/* As status_of, where the run has these peers. */
static int status_of_sender(action *act)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct peer_address *const all[] = {&peers[0], &peers[1], &peers[2], &peers[3]};
        struct confine_needs needs = {.peers = all, .peers_count = 4};
        struct error error;
        if (!confine(&needs, &error)) {
            (void)fprintf(stderr, "%s\n", error.text);
            _exit(99);
        }
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int open_connection(const struct peer_address *a)
{
    int type = a->kind == PEER_UNIX ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(a->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return connect(fd, &a->any, a->len) == 0 || errno == EINPROGRESS ? fd : -1;
}

static int reach_all(void)
{
    for (size_t i = 0; i < 4; i++) {
        int fd = open_connection(&peers[i]);
        if (fd < 0 || (i < 2 && send(fd, "x", 1, MSG_DONTWAIT) != 1))
            return 1 + (int)i;
    }
    return 0;
}

static int reach_another_port(void)
{
    struct peer_address other = peers[2];
    other.internet.sin6_port = htons(9);
    return open_connection(&other) < 0 ? errno : 0;
}

static int send_elsewhere(void)
{
    int fd = open_connection(&peers[0]);
    return (int)sendto(fd, "x", 1, 0, &peers[1].any, peers[1].len);
}

static int make_datagram_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int make_raw_socket(void)
{
    return socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int listen_to_others(void)
{
    return listen(open_connection(&peers[0]), 1);
}

/* A listener on a free port, or a socket at that path. */
static int serve(struct peer_address *a, const char *path)
{
    socklen_t len = sizeof(a->room);
    int fd = socket(path ? AF_UNIX : AF_INET, path ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (path) {
        assert_true(peer_address_of_path(a, bytes_of(path)));
        (void)unlink(path);
    } else {
        assert_true(peer_address_parse(a, bytes_of("127.0.0.1:1"), PEER_TCP));
        a->internet.sin6_port = 0;
    }
    assert_int_equal(bind(fd, &a->any, a->len), 0);
    if (!path) {
        assert_int_equal(getsockname(fd, &a->any, &len), 0);
        assert_int_equal(listen(fd, 4), 0);
    }
    return fd;
}

static void a_run_with_peers_reaches_them_and_no_more(void **state)
{
    struct test *t = *state;
    char paths[2][80];
    int servers[4];
    static const struct {
        const char *name;
        action *act;
    } forbidden[] = {{"sendto with an address", send_elsewhere},
                     {"a socket of another type", make_datagram_socket},
                     {"a raw socket", make_raw_socket},
                     {"listen", listen_to_others}};
    for (int i = 0; i < 4; i++) {
        if (i < 2)
            (void)snprintf(paths[i], sizeof(paths[i]), "%s.socket%d", t->folder, i);
        servers[i] = serve(&peers[i], i < 2 ? paths[i] : NULL);
    }
    assert_int_equal(status_of_sender(reach_all), 0);
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]) && !CONFINE_IS_SANITIZED; i++) {
        int status = status_of_sender(forbidden[i].act);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %#x", forbidden[i].name, (unsigned)status);
    }
    struct fence fence;
    fence_open(&fence);
    if (fence.fd >= 0 && fence.has_network)
        assert_int_equal(WEXITSTATUS(status_of_sender(reach_another_port)), EACCES);
    if (fence.fd >= 0)
        (void)close(fence.fd);
    for (int i = 0; i < 4; i++)
        (void)close(servers[i]);
    for (int i = 0; i < 2; i++)
        (void)unlink(paths[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_system_call_that_no_run_needs_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_run_needs_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_assertion_that_fails_is_still_told_as_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_logs_can_be_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_can_be_read_again_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_with_peers_reaches_them_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test(a_user_is_found_for_root_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
