/*
 * Landlock: which files a process can still open, whatever their permissions say.  The one file
 * around its system calls, for which the C library has no functions.
 * https://docs.kernel.org/userspace-api/landlock.html
 */
#ifndef SEEPWATCH_COMMANDS_FENCE_H
#define SEEPWATCH_COMMANDS_FENCE_H

#include <stdbool.h>
#include <stdint.h>

/* A fence in the making: first all opens are let through that are known to be needed, then it is
 * closed around the process. */
struct fence {
    int fd;           /* -1: the kernel knows no Landlock */
    uint64_t files;   /* what it forbids of files */
    bool has_network; /* it forbids connections of TCP (Linux 6.7) */
};

/* What is let through, together with what lies beneath a folder. */
enum fence_gate {
    FENCE_READ,   /* files and folders are opened to be read, of a folder */
    FENCE_FILES,  /* files alone are opened to be read, or the file */
    FENCE_WRITE,  /* the file is opened to be written */
    FENCE_CREATE, /* files are opened to be written and created, of a folder */
    FENCE_STATE,  /* files are read, written, cut, created, renamed and removed, of a folder */
};

/* fence_open leaves fd at -1 where the kernel knows no Landlock. */
void fence_open(struct fence *f);

/* fence_add lets through what fd, a file or folder, stands for.  False with errno. */
bool fence_add(const struct fence *f, int fd, enum fence_gate gate);

/* fence_add_port lets through connections of TCP to that port.  False with errno. */
bool fence_add_port(const struct fence *f, uint16_t port);

/* fence_close keeps the calling thread, and all that it will start, inside for good; needs
 * no_new_privs.  False with errno; f is gone in both cases. */
bool fence_close(struct fence *f);

#endif
