/* Loaded into every program of a host by /etc/ld.so.preload: its wall clock is an hour ahead.  A container cannot set
 * the kernel's clock, which is the testing machine's own. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  long code = syscall(SYS_clock_gettime, clock, now);
  if (code == 0 && clock == CLOCK_REALTIME) now->tv_sec += 3600;
  return (int)code;
}
