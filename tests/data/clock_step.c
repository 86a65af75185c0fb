/* For LD_PRELOAD: sets the system's clock back by an hour, for this process, once the file `$CLOCK_STEP` exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*original)(clockid_t, struct timespec *);
  if (!original) original = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = original(clock, now);
  const char *step = getenv("CLOCK_STEP");
  if (clock == CLOCK_REALTIME && step && access(step, F_OK) == 0) now->tv_sec -= 3600;
  return result;
}
