/* A disk that fails on demand, for a server started with this preloaded.

   While $FAULTY_DISK/full exists no file grows (ENOSPC): what was there can be read and written over, as on a disk
   without a free block. While $FAULTY_DISK/fsync exists nothing is made durable (EIO). */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_on(const char *fault) {
    const char *folder = getenv("FAULTY_DISK");
    char path[4096];
    if (!folder) return 0;
    int before = errno;
    snprintf(path, sizeof path, "%s/%s", folder, fault);
    int found = access(path, F_OK) == 0;
    errno = before;
    return found;
}

static int is_refused(int fd, off_t end) {
    struct stat facts;
    if (!is_on("full") || fstat(fd, &facts) || !S_ISREG(facts.st_mode) || end <= facts.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int fd, const void *buffer, size_t count, off64_t offset) {
    REAL(pwrite64);
    return is_refused(fd, offset + (off_t)count) ? -1 : real(fd, buffer, count, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset) {
    REAL(pwrite);
    return is_refused(fd, offset + (off_t)count) ? -1 : real(fd, buffer, count, offset);
}

static off_t total(const struct iovec *parts, int count) {
    off_t sum = 0;
    while (count--) sum += (off_t)(parts++)->iov_len;
    return sum;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    REAL(pwritev64);
    return is_refused(fd, offset + total(parts, count)) ? -1 : real(fd, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(pwritev);
    return is_refused(fd, offset + total(parts, count)) ? -1 : real(fd, parts, count, offset);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    REAL(posix_fallocate64);
    return is_refused(fd, offset + length) ? errno : real(fd, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    REAL(posix_fallocate);
    return is_refused(fd, offset + length) ? errno : real(fd, offset, length);
}

static int undurable(void) {
    if (!is_on("fsync")) return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd) {
    REAL(fsync);
    return undurable() ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return undurable() ? -1 : real(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
    REAL(sync_file_range);
    return undurable() ? -1 : real(fd, offset, length, flags);
}
