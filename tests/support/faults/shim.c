/*
 * A disk that fails on demand, under every program that writes through libc (LD_PRELOAD).
 *
 * It knows two things about each file under one root: what the page cache shows (the real file), and what is on the
 * platter: the bytes at the last fsync and a log of writes since.  So it can
 *   - fail, tear or lose the n-th call that matters, or kill the process there: the page cache survives;
 *   - afterwards cut the power: of what was not synced any part may be gone, names as well as bytes.
 * The state lies in memory shared by all forks of one test, because a page cache outlives the process that filled it.
 * A sync never reaches the real disk: durability is this model's, which is what makes thousands of schedules cheap.
 *
 * Assumed of the disk: a sync that returns 0 tells the truth; one write may be torn at any multiple of 512 bytes;
 * writes since the last sync reach the platter in any subset; a failed sync may have kept all, some or none, and what
 * it lost is shown by the page cache as if it were there and is never written later ("fsyncgate"); a name is durable
 * once its folder was synced.  tests/support/faults/__init__.py is the only caller.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ARENA_BYTES (1024UL * 1024 * 1024) /* reserved, not taken: a schedule uses a few MiB */
#define MAX_FILES 2048
#define MAX_NAMES 8192
#define MAX_DESCRIPTORS 4096
#define SECTOR 512

enum call { CALL_CREATE = 1, CALL_WRITE = 2, CALL_TRUNCATE = 4, CALL_SYNC = 8, CALL_SYNC_FOLDER = 16, CALL_UNLINK = 32,
            CALL_RENAME = 64, CALL_LINK = 128, CALL_MKDIR = 256 };
enum action { ACT_NONE = 0, ACT_ERROR = 1, ACT_KILL = 2 };
enum effect { LOST = 0, KEPT = 1, TORN = 2, SHORT = 3, REVERTED = 4 };
enum cut { CUT_ALL_LOST = 0, CUT_ALL_KEPT = 1, CUT_PREFIX = 2, CUT_SUBSET = 3 };

struct change { off_t offset; size_t length; uint8_t *bytes; int doomed; }; /* bytes == NULL: a truncation to offset */
struct bytes { uint8_t *data; size_t size, room; };
struct file { dev_t device; ino_t inode; int live; struct bytes durable; struct change *changes; int count, room; };
struct name { int kind; char *path, *other; int file, replaced, synced; };

struct state {
    size_t used;
    int active;
    char root[PATH_MAX];
    size_t root_length;
    uint64_t chance;
    int file_count, name_count;
    struct file files[MAX_FILES];
    struct name names[MAX_NAMES];
    long calls;          /* calls that matter since faults_arm */
    long matched;        /* those that the armed fault looks for */
    long hits;           /* those that it spoiled */
    char hit[256];       /* the first of these, in words */
    char skip_sync[128]; /* syncs of files that end like this are passed over, as if the program had not called */
};

static struct state *S;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int descriptors[MAX_DESCRIPTORS]; /* file index + 1; of this process */
static char *folders[MAX_DESCRIPTORS];   /* path of an open folder; of this process */
struct fault { int64_t at, length, clock_ns; int32_t action, wanted, effect, error; uint32_t calls; char suffix[128]; };
static struct fault own_fault, *armed_fault = &own_fault; /* of this process, or in a file that a test writes */
#define armed (*armed_fault)

/* ---- the real functions ---- */
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_link)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_clock)(clockid_t, struct timespec *);

static void take_orders(void);
void faults_begin(const char *root);

__attribute__((constructor)) static void find_real(void)
{
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_link = dlsym(RTLD_NEXT, "link");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    take_orders();
}

static void fail(const char *what)
{
    fprintf(stderr, "faults: %s\n", what);
    abort();
}

/* ---- memory shared by forks ---- */
static void *take(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (S->used + size > ARENA_BYTES) fail("the arena is full");
    void *room = (char *)S + S->used;
    S->used += size;
    return room;
}

static char *keep_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(take(size), text, size);
}

static uint64_t chance(void) /* xorshift64*: the same on every machine */
{
    S->chance ^= S->chance >> 12;
    S->chance ^= S->chance << 25;
    S->chance ^= S->chance >> 27;
    return S->chance * 2685821657736338717ULL;
}

static void bytes_resize(struct bytes *bytes, size_t size)
{
    if (size > bytes->room) {
        size_t room = size * 2 + 4096;
        uint8_t *data = take(room);
        if (bytes->size) memcpy(data, bytes->data, bytes->size);
        bytes->data = data;
        bytes->room = room;
    }
    if (size > bytes->size) memset(bytes->data + bytes->size, 0, size - bytes->size);
    bytes->size = size;
}

static void apply(struct bytes *bytes, const struct change *change, size_t length)
{
    if (!change->bytes) {
        bytes_resize(bytes, (size_t)change->offset);
        return;
    }
    size_t end = (size_t)change->offset + length;
    if (end > bytes->size) bytes_resize(bytes, end);
    memcpy(bytes->data + change->offset, change->bytes, length);
}

/* ---- files ---- */
static int is_ours(const char *path)
{
    return S && S->active && !strncmp(path, S->root, S->root_length) &&
           (path[S->root_length] == '/' || !path[S->root_length]);
}

static void absolute(int folder, const char *path, char *found)
{
    char base[PATH_MAX];
    if (path[0] == '/') {
        snprintf(found, PATH_MAX, "%s", path);
        return;
    }
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else {
        char link_path[64];
        snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link_path, base, sizeof base - 1);
        base[size < 0 ? 0 : size] = 0;
    }
    if (snprintf(found, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) fail("a path is too long");
}

static int find_file(const struct stat *status)
{
    for (int index = S->file_count - 1; index >= 0; index--)
        if (S->files[index].live && S->files[index].inode == status->st_ino && S->files[index].device == status->st_dev)
            return index;
    return -1;
}

static int add_file(const struct stat *status)
{
    if (S->file_count == MAX_FILES) fail("too many files");
    struct file *file = &S->files[S->file_count];
    memset(file, 0, sizeof *file);
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->live = 1;
    return S->file_count++;
}

/* Return the file at a path, taken as durable if it was not known: it was there before the test began. */
static int file_at(const char *path)
{
    struct stat status;
    if (stat(path, &status) || !S_ISREG(status.st_mode)) return -1;
    int index = find_file(&status);
    if (index >= 0) return index;
    index = add_file(&status);
    bytes_resize(&S->files[index].durable, (size_t)status.st_size);
    int descriptor = real_open(path, O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    while (descriptor >= 0 && done < (size_t)status.st_size) {
        ssize_t size = pread(descriptor, S->files[index].durable.data + done, (size_t)status.st_size - done, (off_t)done);
        if (size <= 0) fail("a file cannot be read");
        done += (size_t)size;
    }
    if (descriptor >= 0) real_close(descriptor);
    return index;
}

static void add_change(int index, off_t offset, const void *bytes, size_t length)
{
    struct file *file = &S->files[index];
    if (file->count == file->room) {
        int room = file->room ? file->room * 2 : 16;
        struct change *changes = take((size_t)room * sizeof *changes);
        if (file->count) memcpy(changes, file->changes, (size_t)file->count * sizeof *changes);
        file->changes = changes;
        file->room = room;
    }
    struct change *change = &file->changes[file->count++];
    memset(change, 0, sizeof *change);
    change->offset = offset;
    change->length = length;
    if (bytes) change->bytes = memcpy(take(length ? length : 1), bytes, length);
}

/* Make what was written durable; a doomed write stays lost, whatever the page cache shows. */
static void settle(int index)
{
    struct file *file = &S->files[index];
    for (int i = 0; i < file->count; i++)
        if (!file->changes[i].doomed) apply(&file->durable, &file->changes[i], file->changes[i].length);
    file->count = 0;
}

static void doom(int index, int some)
{
    struct file *file = &S->files[index];
    for (int i = 0; i < file->count; i++)
        if (!some || chance() & 1) file->changes[i].doomed = 1;
}

static void rewrite(const char *path, const struct bytes *bytes)
{
    int descriptor = real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) fail("a file cannot be put back");
    for (size_t done = 0; done < bytes->size;) {
        ssize_t size = real_pwrite(descriptor, bytes->data + done, bytes->size - done, (off_t)done);
        if (size <= 0) fail("a file cannot be put back");
        done += (size_t)size;
    }
    real_close(descriptor);
}

/* ---- names ---- */
static void add_name(int kind, const char *path, const char *other, int file, int replaced)
{
    if (S->name_count == MAX_NAMES) fail("too many names");
    struct name *name = &S->names[S->name_count++];
    name->kind = kind;
    name->path = keep_text(path);
    name->other = other ? keep_text(other) : NULL;
    name->file = file;
    name->replaced = replaced;
    name->synced = 0;
}

static int is_in(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    return slash && strlen(folder) == (size_t)(slash - path) && !strncmp(path, folder, (size_t)(slash - path));
}

static void sync_folder(const char *folder)
{
    for (int i = 0; i < S->name_count; i++)
        if (is_in(S->names[i].path, folder)) S->names[i].synced = 1;
}

/* ---- faults ---- */
static const char *word_of(unsigned call)
{
    switch (call) {
    case CALL_CREATE: return "create";
    case CALL_WRITE: return "write";
    case CALL_TRUNCATE: return "truncate";
    case CALL_SYNC: return "sync";
    case CALL_SYNC_FOLDER: return "sync-folder";
    case CALL_UNLINK: return "unlink";
    case CALL_RENAME: return "rename";
    case CALL_LINK: return "link";
    default: return "mkdir";
    }
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && !strcmp(text + length - wanted, end);
}

/* Return what the armed effect means for a kind of call: only bytes can be torn, only a sync can take bytes back. */
static int effect_on(unsigned call)
{
    int is_write = call == CALL_WRITE, is_sync = call == CALL_SYNC;
    if (armed.wanted == SHORT && !is_write) return LOST;
    if (armed.wanted == REVERTED && !is_sync) return LOST;
    if (armed.wanted == TORN && !is_write && !is_sync) return KEPT;
    return armed.wanted;
}

/* Count a call that matters and say whether the fault strikes here; `armed.effect` is then what it does. */
static int strikes(unsigned call, const char *path)
{
    S->calls++;
    if (!armed.action || !(armed.calls & call) || !ends_with(path, armed.suffix)) return 0;
    S->matched++;
    if (S->matched < armed.at || S->matched >= armed.at + armed.length) return 0;
    /* A full disk still syncs, truncates and removes. */
    if (armed.error == ENOSPC && !(call & (CALL_CREATE | CALL_WRITE | CALL_LINK | CALL_RENAME | CALL_MKDIR))) return 0;
    armed.effect = effect_on(call);
    if (!S->hits++) snprintf(S->hit, sizeof S->hit, "%s %s", word_of(call), path + S->root_length);
    return 1;
}

static int end_of_strike(void)
{
    if (armed.action == ACT_KILL) kill(getpid(), SIGKILL);
    errno = armed.error;
    return -1;
}

static size_t torn_length(size_t length)
{
    size_t sectors = length / SECTOR;
    return sectors > 1 ? (size_t)(1 + chance() % (sectors - 1)) * SECTOR : length / 2;
}

static const char *path_of(int descriptor, char *found)
{
    char link_path[64];
    snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link_path, found, PATH_MAX - 1);
    found[size < 0 ? 0 : size] = 0;
    if (size > 10 && ends_with(found, " (deleted)")) found[size - 10] = 0;
    return found;
}

static int known(int descriptor)
{
    return S && S->active && descriptor >= 0 && descriptor < MAX_DESCRIPTORS ? descriptors[descriptor] - 1 : -1;
}

/* ---- opening and closing ---- */
static int do_open(int folder, const char *given, int flags, mode_t mode)
{
    char path[PATH_MAX];
    absolute(folder, given, path);
    if (!is_ours(path)) return openat(folder, given, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat status;
    int was_there = !lstat(path, &status), creates = (flags & O_CREAT) && !was_there, index = -1, result;
    int writes = (flags & O_ACCMODE) != O_RDONLY, truncates = was_there && writes && (flags & O_TRUNC);
    if (was_there && writes) index = file_at(path);
    int struck = creates ? strikes(CALL_CREATE, path) : truncates ? strikes(CALL_TRUNCATE, path) : 0;
    if (struck && armed.effect == LOST) {
        result = end_of_strike();
        pthread_mutex_unlock(&lock);
        return result;
    }
    result = real_open(path, flags, mode);
    if (result >= 0 && creates && !fstat(result, &status)) {
        index = add_file(&status);
        add_name(CALL_CREATE, path, NULL, index, -1);
    }
    if (result >= 0 && truncates && index >= 0) add_change(index, 0, NULL, 0);
    if (struck) {
        int saved = result;
        result = end_of_strike();
        if (saved >= 0) real_close(saved);
    }
    if (result >= 0 && result < MAX_DESCRIPTORS) {
        descriptors[result] = writes ? index + 1 : 0;
        free(folders[result]);
        folders[result] = !fstat(result, &status) && S_ISDIR(status.st_mode) ? strdup(path) : NULL;
        if (!writes && !folders[result] && (index = file_at(path)) >= 0) descriptors[result] = index + 1;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static mode_t mode_of(int flags, va_list rest)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = mode_of(flags, rest); \
        va_end(rest); \
        return S && S->active ? do_open(AT_FDCWD, path, flags, mode) : real_open(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

static int call_openat(int folder, const char *path, int flags, mode_t mode)
{
    static int (*real_openat)(int, const char *, int, ...);
    if (!real_openat) real_openat = dlsym(RTLD_NEXT, "openat64");
    char found[PATH_MAX];
    if (S && S->active) {
        absolute(folder, path, found);
        if (is_ours(found)) return do_open(folder, path, flags, mode);
    }
    return real_openat(folder, path, flags, mode);
}

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = mode_of(flags, rest); \
        va_end(rest); \
        return call_openat(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int descriptor)
{
    if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) {
        descriptors[descriptor] = 0;
        free(folders[descriptor]);
        folders[descriptor] = NULL;
    }
    return real_close(descriptor);
}

/* ---- writing ---- */
static ssize_t do_write(int descriptor, int index, const void *bytes, size_t length, off_t offset)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_WRITE, path_of(descriptor, path));
    size_t wanted = length;
    if (struck && armed.effect == LOST) wanted = 0;
    if (struck && (armed.effect == TORN || armed.effect == SHORT)) wanted = torn_length(length);
    ssize_t done = wanted ? real_pwrite(descriptor, bytes, wanted, offset) : 0;
    if (done > 0) add_change(index, offset, bytes, (size_t)done);
    if (struck && !(armed.action == ACT_ERROR && armed.effect == SHORT && done > 0)) done = end_of_strike();
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int descriptor, const void *bytes, size_t length)
{
    int index = known(descriptor);
    if (index < 0) return real_write(descriptor, bytes, length);
    off_t offset = fcntl(descriptor, F_GETFL) & O_APPEND ? lseek(descriptor, 0, SEEK_END) : lseek(descriptor, 0, SEEK_CUR);
    ssize_t done = do_write(descriptor, index, bytes, length, offset);
    if (done > 0) lseek(descriptor, offset + done, SEEK_SET);
    return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
    int index = known(descriptor);
    return index < 0 ? real_pwrite(descriptor, bytes, length, offset) : do_write(descriptor, index, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset)
{
    return pwrite(descriptor, bytes, length, offset);
}

int ftruncate(int descriptor, off_t length)
{
    int index = known(descriptor);
    if (index < 0) return real_ftruncate(descriptor, length);
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_TRUNCATE, path_of(descriptor, path)), result = 0;
    if (!struck || armed.effect != LOST) {
        result = real_ftruncate(descriptor, length);
        if (!result) add_change(index, length, NULL, 0);
    }
    if (struck) result = end_of_strike();
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int descriptor, off_t length)
{
    return ftruncate(descriptor, length);
}

/* ---- syncing ---- */
static int do_sync(int descriptor, int index)
{
    char path[PATH_MAX];
    path_of(descriptor, path);
    if (S->skip_sync[0] && ends_with(path, S->skip_sync)) return 0;
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_SYNC, path), result = 0;
    if (!struck || armed.effect == KEPT) settle(index);
    if (struck) {
        if (armed.action == ACT_ERROR && armed.effect != KEPT) doom(index, armed.effect == TORN);
        if (armed.action == ACT_ERROR && armed.effect == REVERTED) {
            settle(index);
            rewrite(path, &S->files[index].durable);
        }
        result = end_of_strike();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int do_sync_folder(int descriptor)
{
    const char *path = folders[descriptor];
    if (S->skip_sync[0] && ends_with(path, S->skip_sync)) return 0;
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_SYNC_FOLDER, path), result = 0;
    if (!struck || armed.effect == KEPT) sync_folder(path);
    if (struck) result = end_of_strike();
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int descriptor)
{
    int index = known(descriptor);
    if (index >= 0) return do_sync(descriptor, index);
    if (S && S->active && descriptor >= 0 && descriptor < MAX_DESCRIPTORS && folders[descriptor] &&
        is_ours(folders[descriptor]))
        return do_sync_folder(descriptor);
    return real_fsync(descriptor);
}

int fdatasync(int descriptor)
{
    return fsync(descriptor);
}

/* ---- names ---- */
/* Return the index of a file if this was its last name, so that it can be put back; -1 if it has others. */
static int gone_with(const char *path)
{
    struct stat status;
    int index = file_at(path);
    return index >= 0 && !lstat(path, &status) ? index : -1;
}

static int do_unlink(const char *path)
{
    pthread_mutex_lock(&lock);
    struct stat status;
    int result = 0;
    if (lstat(path, &status)) {
        result = real_unlink(path);
    } else {
        int struck = strikes(CALL_UNLINK, path);
        if (!struck || armed.effect != LOST) {
            int index = gone_with(path);
            result = real_unlink(path);
            if (!result) {
                add_name(CALL_UNLINK, path, NULL, index, -1);
                if (index >= 0 && status.st_nlink == 1) S->files[index].live = 0;
            }
        }
        if (struck) result = end_of_strike();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *given)
{
    char path[PATH_MAX];
    if (!S || !S->active) return real_unlink(given);
    absolute(AT_FDCWD, given, path);
    return is_ours(path) ? do_unlink(path) : real_unlink(given);
}

int unlinkat(int folder, const char *given, int flags)
{
    static int (*real_unlinkat)(int, const char *, int);
    if (!real_unlinkat) real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
    char path[PATH_MAX];
    if (!S || !S->active || flags & AT_REMOVEDIR) return real_unlinkat(folder, given, flags);
    absolute(folder, given, path);
    return is_ours(path) ? do_unlink(path) : real_unlinkat(folder, given, flags);
}

int rename(const char *from_given, const char *to_given)
{
    if (!S || !S->active) return real_rename(from_given, to_given);
    char from[PATH_MAX], to[PATH_MAX];
    absolute(AT_FDCWD, from_given, from);
    absolute(AT_FDCWD, to_given, to);
    if (!is_ours(from)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_RENAME, to), result = 0;
    if (!struck || armed.effect != LOST) {
        int moved = file_at(from), replaced = gone_with(to);
        result = real_rename(from, to);
        if (!result) {
            add_name(CALL_RENAME, to, from, moved, replaced);
            if (replaced >= 0) S->files[replaced].live = 0;
        }
    }
    if (struck) result = end_of_strike();
    pthread_mutex_unlock(&lock);
    return result;
}

int renameat(int from_folder, const char *from_given, int to_folder, const char *to_given)
{
    char from[PATH_MAX], to[PATH_MAX];
    absolute(from_folder, from_given, from);
    absolute(to_folder, to_given, to);
    return rename(from, to);
}

int link(const char *from_given, const char *to_given)
{
    if (!S || !S->active) return real_link(from_given, to_given);
    char from[PATH_MAX], to[PATH_MAX];
    absolute(AT_FDCWD, from_given, from);
    absolute(AT_FDCWD, to_given, to);
    if (!is_ours(to)) return real_link(from, to);
    pthread_mutex_lock(&lock);
    struct stat status;
    int result = 0;
    if (!lstat(to, &status)) {
        result = real_link(from, to); /* fails with EEXIST, as it should */
    } else {
        int struck = strikes(CALL_LINK, to);
        if (!struck || armed.effect != LOST) {
            int index = file_at(from);
            result = real_link(from, to);
            if (!result) add_name(CALL_LINK, to, from, index, -1);
        }
        if (struck) result = end_of_strike();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int linkat(int from_folder, const char *from_given, int to_folder, const char *to_given, int flags)
{
    (void)flags;
    char from[PATH_MAX], to[PATH_MAX];
    absolute(from_folder, from_given, from);
    absolute(to_folder, to_given, to);
    return link(from, to);
}

int mkdir(const char *given, mode_t mode)
{
    char path[PATH_MAX];
    struct stat status;
    if (!S || !S->active) return real_mkdir(given, mode);
    absolute(AT_FDCWD, given, path);
    if (!is_ours(path) || !lstat(path, &status)) return real_mkdir(given, mode);
    pthread_mutex_lock(&lock);
    int struck = strikes(CALL_MKDIR, path), result = 0;
    if (!struck || armed.effect != LOST) {
        result = real_mkdir(path, mode);
        if (!result) add_name(CALL_MKDIR, path, NULL, -1, -1);
    }
    if (struck) result = end_of_strike();
    pthread_mutex_unlock(&lock);
    return result;
}

/* What would write past the model ends the test: better no result than a wrong one. */
static void refuse(int descriptor, const char *call)
{
    if (known(descriptor) >= 0) fail(call);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    static ssize_t (*real)(int, const struct iovec *, int, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwritev");
    refuse(descriptor, "pwritev is not modelled");
    return real(descriptor, parts, count, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    refuse(descriptor, "writev is not modelled");
    return real(descriptor, parts, count);
}

ssize_t sendfile64(int to, int from, off_t *offset, size_t count)
{
    static ssize_t (*real)(int, int, off_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile64");
    refuse(to, "sendfile is not modelled");
    return real(to, from, offset, count);
}

ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned flags)
{
    static ssize_t (*real)(int, off_t *, int, off_t *, size_t, unsigned);
    if (!real) real = dlsym(RTLD_NEXT, "copy_file_range");
    refuse(to, "copy_file_range is not modelled");
    return real(from, from_offset, to, to_offset, length, flags);
}

/* ---- the power cut ---- */
static struct bytes surviving(int index, enum cut cut)
{
    struct file *file = &S->files[index];
    struct bytes found = {0};
    bytes_resize(&found, file->durable.size);
    if (file->durable.size) memcpy(found.data, file->durable.data, file->durable.size);
    int end = cut == CUT_ALL_LOST ? 0 : cut == CUT_PREFIX ? (int)(chance() % (uint64_t)(file->count + 1)) : file->count;
    for (int i = 0; i < end; i++) {
        struct change *change = &file->changes[i];
        size_t length = change->length;
        if (change->doomed || (cut == CUT_SUBSET && chance() % 3 == 0)) continue;
        int may_tear = cut == CUT_SUBSET || (cut == CUT_PREFIX && i == end - 1);
        if (may_tear && change->bytes && length > 1 && chance() % 4 == 0) length = torn_length(length);
        apply(&found, change, length);
    }
    return found;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void put_back(int index, const char *path, enum cut cut)
{
    struct stat status;
    if (index < 0) return;
    struct bytes found = surviving(index, cut);
    rewrite(path, &found);
    if (stat(path, &status)) fail("a file cannot be put back");
    int again = add_file(&status);
    S->files[again].durable = found;
}

static void undo(const struct name *name, enum cut cut)
{
    switch (name->kind) {
    case CALL_CREATE:
    case CALL_LINK: real_unlink(name->path); break;
    case CALL_UNLINK: put_back(name->file, name->path, cut); break;
    case CALL_MKDIR: nftw(name->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); break;
    default:
        real_rename(name->path, name->other);
        put_back(name->replaced, name->path, cut);
    }
}

static enum cut walking;

static int put_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)place;
    if (type != FTW_F) return 0;
    int index = find_file(status);
    if (index < 0 || !S->files[index].count) return 0;
    struct bytes found = surviving(index, walking);
    rewrite(path, &found);
    S->files[index].durable = found;
    S->files[index].count = 0;
    return 0;
}

/* Cut the power: no process of the test may be running.  Of names not synced, those after a chosen one are gone. */
void faults_cut_power(int cut, uint64_t seed)
{
    S->active = 0;
    S->chance = seed * 2 + 1;
    for (int i = 0; i < 8; i++) chance();
    int first = S->name_count;
    if (cut == CUT_ALL_LOST) first = 0;
    if (cut == CUT_PREFIX || cut == CUT_SUBSET) first = (int)(chance() % (uint64_t)(S->name_count + 1));
    for (int i = S->name_count - 1; i >= first; i--)
        if (!S->names[i].synced) undo(&S->names[i], (enum cut)cut);
    S->name_count = 0;
    walking = (enum cut)cut;
    nftw(S->root, put_entry, 16, FTW_PHYS);
    S->active = 1;
}

/* ---- for the tests ---- */
void faults_begin(const char *root)
{
    if (!S) {
        S = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (S == MAP_FAILED) fail("there is no memory for the model");
    }
    S->active = 0;
    S->used = (sizeof *S + 15) & ~(size_t)15;
    S->file_count = S->name_count = 0;
    S->chance = 88172645463325252ULL;
    S->skip_sync[0] = 0;
    snprintf(S->root, sizeof S->root, "%s", root);
    S->root_length = strlen(root);
    memset(&own_fault, 0, sizeof own_fault);
    memset(descriptors, 0, sizeof descriptors);
    S->calls = S->matched = S->hits = 0;
    S->hit[0] = 0;
    S->active = 1;
}

void faults_end(void)
{
    if (S) S->active = 0;
}

/* Arm one fault: `calls` and `suffix` say which calls are counted, `at` the first that fails and `length` how many. */
void faults_arm(unsigned calls, const char *suffix, long at, long length, int action, int effect, int error,
                uint64_t seed)
{
    armed.calls = calls;
    snprintf(armed.suffix, sizeof armed.suffix, "%s", suffix);
    armed.at = at;
    armed.length = length;
    armed.action = action;
    armed.wanted = effect;
    armed.error = error;
    S->chance = seed * 2 + 1;
    for (int i = 0; i < 8; i++) chance();
    S->calls = S->matched = S->hits = 0;
    S->hit[0] = 0;
}

/* A program that a test cannot reach into is told by a file: FAULTS_CONTROL holds a struct fault, FAULTS_ROOT a folder. */
static void take_orders(void)
{
    const char *file = getenv("FAULTS_CONTROL"), *root = getenv("FAULTS_ROOT");
    if (!file || !root) return;
    faults_begin(root);
    int descriptor = real_open(file, O_RDWR | O_CLOEXEC);
    void *orders = mmap(NULL, sizeof(struct fault), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (descriptor < 0 || orders == MAP_FAILED) fail("the orders cannot be read");
    real_close(descriptor);
    armed_fault = orders;
}

/* The wall clock stands where the test has turned it. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = real_clock ? real_clock(clock, time) : -1;
    if (result || clock != CLOCK_REALTIME || !armed.clock_ns) return result;
    int64_t now = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + armed.clock_ns;
    time->tv_sec = now / 1000000000;
    time->tv_nsec = now % 1000000000;
    return 0;
}

void faults_disarm(void)
{
    armed.action = ACT_NONE;
}

void faults_skip_sync(const char *suffix)
{
    snprintf(S->skip_sync, sizeof S->skip_sync, "%s", suffix);
}

long faults_calls(void)
{
    return S->calls;
}

long faults_hits(void)
{
    return S->hits;
}

const char *faults_hit(void)
{
    return S->hit;
}
