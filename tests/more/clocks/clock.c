/* Shifts the time of day by the seconds in /etc/clock-ahead, in every program that is linked dynamically.
 * Debian's faketime also shifts the monotonic clock, unless a variable says otherwise; the function's
 * environment is cleared, and with a shifted monotonic clock its waits never end. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long ahead;

__attribute__((constructor)) static void read_ahead(void) {
    FILE *file = fopen("/etc/clock-ahead", "r");
    if (file) {
        if (fscanf(file, "%lld", &ahead) != 1) ahead = 0;
        fclose(file);
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead;
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec time;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
