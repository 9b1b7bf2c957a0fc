/*
 * The order matters: files are named for Landlock while folders can still be reached, the user is
 * changed while there is a capability for it, and the filter of system calls comes last because it
 * forbids all that is done here.  The one file around libseccomp.
 */
#define _GNU_SOURCE /* setresuid, setresgid */
#include "commands/confine.h"

#include "commands/fence.h"
#include "commands/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool confine_find_user(struct confine_user *user, const char *name, struct error *error)
{
    *user = (struct confine_user){.name = NULL};
    if (geteuid() != 0)
        return !name ||
               error_set(error, ERROR_USAGE, "--user %s: only root can become another user", name);
    if (!name)
        name = getpwnam("seepwatch") ? "seepwatch" : "nobody";
    const struct passwd *found = getpwnam(name);
    if (!found)
        return error_set(error, ERROR_USAGE, "there is no user %s: name one with --user", name);
    *user = (struct confine_user){.name = name, .uid = found->pw_uid, .gid = found->pw_gid};
    return true;
}

static bool failed(struct error *error, const char *step)
{
    return error_set(error, ERROR_WORK,
                     "cannot be confined: %s: %s (--unconfined runs without, for debugging)", step,
                     strerror(errno));
}

/* A log that a rotation can move away. */
static bool is_file(const struct output *log, struct stat *info)
{
    return log->fd >= 0 && strcmp(log->path, "-") != 0 && fstat(log->fd, info) == 0 &&
           S_ISREG(info->st_mode);
}

/* A folder or file that is not there need not be let through. */
static bool let_through(const struct fence *f, const char *path, enum fence_gate gate)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool is_added = fence_add(f, fd, gate);
    (void)close(fd);
    return is_added;
}

static bool let_through_logs(const struct fence *f, const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->logs_count; i++) {
        const struct output *log = needs->logs[i];
        char folder[PATH_MAX];
        struct stat info;
        if (log->fd < 0 || strcmp(log->path, "-") == 0)
            continue;
        /* the file itself too: a device, or the end of a symbolic link; a pipe is in no folder */
        if (!fence_add(f, log->fd, FENCE_WRITE) && errno != EBADFD)
            return false;
        folder_of(log->path, folder);
        if (is_file(log, &info) && !let_through(f, folder, FENCE_CREATE))
            return false;
    }
    return true;
}

/* A file may be replaced by another one of its name, so its folder is let through; a folder is read
 * with the files that it holds then. */
static bool let_through_rules(const struct fence *f, const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->rules_count; i++) {
        const char *path = needs->rules[i];
        char folder[PATH_MAX];
        struct stat info;
        if (stat(path, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
            continue;
        if (S_ISDIR(info.st_mode)) {
            if (!let_through(f, path, FENCE_READ))
                return false;
            continue;
        }
        folder_of(path, folder);
        if (!let_through(f, folder, FENCE_FILES) || !let_through(f, path, FENCE_FILES))
            return false;
    }
    return true;
}

/* Sockets in the file system need nothing of Landlock, nor does UDP. */
static bool let_through_peers(const struct fence *f, const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->peers_count; i++) {
        const struct peer_address *peer = needs->peers[i];
        if (peer->kind == PEER_TCP && !fence_add_port(f, peer_address_port(peer)))
            return false;
    }
    return true;
}

/* A state that is damaged is renamed, and another one begun. */
static bool let_through_state(const struct fence *f, const struct confine_needs *needs)
{
    char folder[PATH_MAX];
    if (!needs->state)
        return true;
    folder_of(needs->state, folder);
    return let_through(f, folder, FENCE_STATE);
}

static bool build_fence(struct fence *f, const struct confine_needs *needs)
{
    fence_open(f);
    if (f->fd < 0)
        (void)fprintf(stderr, "seepwatch: note: this kernel has no Landlock: files stay open to it "
                              "as far as their permissions allow\n");
    return let_through_logs(f, needs) && let_through_rules(f, needs) &&
           let_through_peers(f, needs) && let_through_state(f, needs) &&
           (!CONFINE_IS_SANITIZED || let_through(f, "/proc", FENCE_READ));
}

/* Logs that root has just created become the user's; others stay whose they are.  A group that came
 * from the folder stays. */
static bool give_logs(const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->logs_count; i++) {
        const struct output *log = needs->logs[i];
        struct stat info;
        if (!log->is_new || !is_file(log, &info))
            continue;
        gid_t group = info.st_gid == getegid() ? needs->user.gid : (gid_t)-1;
        if (fchown(log->fd, needs->user.uid, group) != 0)
            return false;
    }
    return true;
}

/* Drops what execve could give back; only with CAP_SETPCAP, and no_new_privs does the same. */
static void empty_bounding_set(void)
{
    for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
        (void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool become(const struct confine_user *user)
{
    return setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
           setresuid(user->uid, user->uid, user->uid) == 0;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &header, none) == 0;
}

/* Tells of the first log that could not be begun anew after a rotation. */
static void tell_logs_that_stay(const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->logs_count; i++) {
        char folder[PATH_MAX];
        struct stat info;
        if (!is_file(needs->logs[i], &info))
            continue;
        folder_of(needs->logs[i]->path, folder);
        if (access(folder, W_OK | X_OK) == 0)
            continue;
        (void)fprintf(stderr,
                      "seepwatch: note: %s%s may not create files in %s: once %s was moved away, "
                      "SIGHUP cannot begin it anew\n",
                      needs->user.name ? "the user " : "this user",
                      needs->user.name ? needs->user.name : "", folder, needs->logs[i]->path);
        return;
    }
}

/* Tells of the first rules that could not be read again. */
static void tell_rules_that_stay(const struct confine_needs *needs)
{
    for (size_t i = 0; i < needs->rules_count; i++) {
        struct stat info;
        bool is_folder = stat(needs->rules[i], &info) == 0 && S_ISDIR(info.st_mode);
        if (access(needs->rules[i], is_folder ? R_OK | X_OK : R_OK) == 0)
            continue;
        (void)fprintf(stderr,
                      "seepwatch: note: %s%s may not read %s: SIGHUP cannot load it again\n",
                      needs->user.name ? "the user " : "this user",
                      needs->user.name ? needs->user.name : "", needs->rules[i]);
        return;
    }
}

/* System calls that are allowed with any arguments.  What another processor does not have is
 * passed over by libseccomp. */
static const int allowed_calls[] = {
    /* packets, files and logs; poll is ppoll on aarch64 */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(close),
    SCMP_SYS(openat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getdents64),
    /* libgcrypt, of nDPI, asks whether the system is in FIPS mode */
    SCMP_SYS(access), SCMP_SYS(faccessat),
    /* memory; qsort asks how much there is */
    SCMP_SYS(brk), SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom),
    /* time, where the vDSO has none */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_nanosleep),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid), SCMP_SYS(getpid),
    /* signals and the end */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* glibc's pthread_create. */
static const scmp_datum_t thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                         CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                         CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

struct narrow_call {
    int call;
    unsigned count;
    struct scmp_arg_cmp arguments[3]; /* which, how, the bits that matter, what they are */
};

static int allow_narrow(scmp_filter_ctx filter, const struct narrow_call *calls, size_t count)
{
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].call, calls[i].count,
                                        calls[i].arguments);
    return status;
}

/* System calls that are allowed with these arguments alone. */
static int allow_narrow_calls(scmp_filter_ctx filter)
{
    const enum scmp_compare is = SCMP_CMP_MASKED_EQ;
    const scmp_datum_t word = UINT32_MAX, self = (scmp_datum_t)getpid();
    const struct narrow_call calls[] = {
        /* memory that is not executable */
        {SCMP_SYS(mmap), 1, {{2, is, PROT_EXEC, 0}}},
        {SCMP_SYS(mprotect), 1, {{2, is, PROT_EXEC, 0}}},
        {SCMP_SYS(clone), 1, {{0, is, UINT64_MAX, thread_flags}}},
        /* abort */
        {SCMP_SYS(tgkill), 2, {{0, is, word, self}, {2, is, word, SIGABRT}}},
        /* libpcap: whether an interface that went down is still there; the end of its ring */
        {SCMP_SYS(ioctl), 1, {{1, is, word, SIOCGIFFLAGS}}},
        {SCMP_SYS(setsockopt), 2, {{1, is, word, SOL_PACKET}, {2, is, word, PACKET_RX_RING}}},
        /* stdio: whether its output is a terminal */
        {SCMP_SYS(ioctl), 1, {{1, is, word, TCGETS}}},
    };
    return allow_narrow(filter, calls, sizeof(calls) / sizeof(calls[0]));
}

/* Connecting to such a peer again, after it was lost; a socket of UDP stays connected. */
static int allow_connecting(scmp_filter_ctx filter, const struct peer_address *peer)
{
    const enum scmp_compare is = SCMP_CMP_MASKED_EQ;
    const scmp_datum_t word = UINT32_MAX;
    const scmp_datum_t type =
        SOCK_NONBLOCK | SOCK_CLOEXEC | (peer->kind == PEER_TCP ? SOCK_STREAM : SOCK_DGRAM);
    const struct narrow_call calls[] = {
        {SCMP_SYS(socket),
         3,
         {{0, is, word, peer->any.sa_family}, {1, is, word, type}, {2, is, word, 0}}},
        {SCMP_SYS(connect), 1, {{2, is, word, peer->len}}},
        {SCMP_SYS(setsockopt), 2, {{1, is, word, IPPROTO_TCP}, {2, is, word, TCP_USER_TIMEOUT}}},
        {SCMP_SYS(setsockopt), 2, {{1, is, word, SOL_SOCKET}, {2, is, word, SO_KEEPALIVE}}},
    };
    return allow_narrow(filter, calls, peer->kind == PEER_TCP ? 4 : 2);
}

/* Messages to peers: only by sockets that are connected, to no address of the call's own. */
static int allow_peers(scmp_filter_ctx filter, const struct confine_needs *needs)
{
    static const struct narrow_call send_call = {SCMP_SYS(sendto), 1, {{4, SCMP_CMP_EQ, 0, 0}}};
    int status = needs->peers_count > 0 ? allow_narrow(filter, &send_call, 1) : 0;
    for (size_t i = 0; i < needs->peers_count && status == 0; i++) {
        if (needs->peers[i]->kind != PEER_UDP)
            status = allow_connecting(filter, needs->peers[i]);
    }
    return status;
}

/* What SQLite does with its file, and with those beside it. */
static const int state_calls[] = {
    SCMP_SYS(pread64),   SCMP_SYS(pwrite64), SCMP_SYS(fsync),      SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(fcntl),    SCMP_SYS(stat),       SCMP_SYS(lstat),
    SCMP_SYS(unlink),    SCMP_SYS(unlinkat), SCMP_SYS(rename),     SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    SCMP_SYS(geteuid),   SCMP_SYS(fchmod),   SCMP_SYS(fchown),     SCMP_SYS(nanosleep)};

static int allow_state(scmp_filter_ctx filter, const struct confine_needs *needs)
{
    size_t count = needs->state ? sizeof(state_calls) / sizeof(state_calls[0]) : 0;
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, state_calls[i], 0);
    return status;
}

/* clone3's flags are out of a filter's reach; without it glibc takes clone. */
static int fill_filter(scmp_filter_ctx filter)
{
    int status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; i < sizeof(allowed_calls) / sizeof(allowed_calls[0]) && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return status;
}

/* Any other call ends the process. */
static bool filter_calls(const struct confine_needs *needs)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int status = filter ? fill_filter(filter) : -ENOMEM;
    if (status == 0)
        status = allow_narrow_calls(filter);
    if (status == 0)
        status = allow_peers(filter, needs);
    if (status == 0)
        status = allow_state(filter, needs);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    errno = -status;
    return status == 0;
}

bool confine(const struct confine_needs *needs, struct error *error)
{
    struct fence fence;
    if (!build_fence(&fence, needs))
        return failed(error, "Landlock");
    if (needs->user.name && !give_logs(needs))
        return failed(error, "the logs' new owner");
    empty_bounding_set();
    if (needs->user.name && !become(&needs->user))
        return failed(error, needs->user.name);
    if (!drop_capabilities())
        return failed(error, "capabilities");
    tell_logs_that_stay(needs);
    tell_rules_that_stay(needs);
    /* no core file with customers' data */
    if (prctl(PR_SET_DUMPABLE, CONFINE_IS_SANITIZED, 0, 0, 0) != 0)
        return failed(error, "core files");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed(error, "no_new_privs");
    if (!fence_close(&fence))
        return failed(error, "Landlock");
    if (!CONFINE_IS_SANITIZED && !filter_calls(needs))
        return failed(error, "seccomp");
    return true;
}
