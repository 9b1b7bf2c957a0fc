/*
 * All that this kernel can forbid is forbidden, network and signals included.  The numbers are
 * those of Linux's include/uapi/linux/landlock.h, where the header here may be older than the
 * kernel.
 */
#include "commands/fence.h"

#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct landlock_ruleset_attr as of version 6; an older kernel takes it where what it does not
 * know is 0. */
struct ruleset {
    uint64_t files, network, scopes;
};

/* struct landlock_net_port_attr, and what goes with it. */
struct port_rule {
    uint64_t allowed_access, port;
};
enum { RULE_NET_PORT = 2, ACCESS_CONNECT_TCP = 2 };

/* Of version 3. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)

/* By version; the last one is good for those after it. */
static const struct ruleset rulesets[] = {
    {0, 0, 0},          {0x1fff, 0, 0},
    {0x3fff, 0, 0},     /* with links and renames from folder to folder */
    {0x7fff, 0, 0},     /* with truncation */
    {0x7fff, 0x3, 0},   /* with bind and connect of TCP */
    {0xffff, 0x3, 0},   /* with ioctl on devices */
    {0xffff, 0x3, 0x3}, /* with abstract sockets and signals of processes outside */
};

enum { VERSION_MAX = sizeof(rulesets) / sizeof(rulesets[0]) - 1 };

void fence_open(struct fence *f)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *f = (struct fence){.fd = -1};
    if (version < 1)
        return;
    const struct ruleset *r = &rulesets[version < VERSION_MAX ? version : VERSION_MAX];
    f->fd = (int)syscall(SYS_landlock_create_ruleset, r, sizeof(*r), 0);
    f->has_network = r->network != 0;
    f->files = r->files;
}

bool fence_add(const struct fence *f, int fd, enum fence_gate gate)
{
    static const uint64_t gates[] = {
        [FENCE_READ] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        [FENCE_FILES] = LANDLOCK_ACCESS_FS_READ_FILE,
        [FENCE_WRITE] = LANDLOCK_ACCESS_FS_WRITE_FILE,
        [FENCE_CREATE] = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG,
        [FENCE_STATE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                        LANDLOCK_ACCESS_FS_REMOVE_FILE | ACCESS_TRUNCATE,
    };
    struct landlock_path_beneath_attr rule = {.allowed_access = gates[gate] & f->files,
                                              .parent_fd = fd};
    return f->fd < 0 ||
           syscall(SYS_landlock_add_rule, f->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool fence_add_port(const struct fence *f, uint16_t port)
{
    const struct port_rule rule = {.allowed_access = ACCESS_CONNECT_TCP, .port = port};
    return f->fd < 0 || !f->has_network ||
           syscall(SYS_landlock_add_rule, f->fd, RULE_NET_PORT, &rule, 0) == 0;
}

bool fence_close(struct fence *f)
{
    if (f->fd < 0)
        return true;
    bool is_closed = syscall(SYS_landlock_restrict_self, f->fd, 0) == 0;
    (void)close(f->fd);
    f->fd = -1;
    return is_closed;
}
