/* Preloaded into Janus, which skips loopback interfaces whatever its configuration says: the flag is hidden from it, so that a
 * meeting on one machine needs no network namespace. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stddef.h>

int getifaddrs(struct ifaddrs **found) {
    int (*real)(struct ifaddrs **) = (int (*)(struct ifaddrs **))dlsym(RTLD_NEXT, "getifaddrs");
    int result = real == NULL ? -1 : real(found);
    if (result != 0) return result;
    for (struct ifaddrs *each = *found; each != NULL; each = each->ifa_next) each->ifa_flags &= ~(unsigned)IFF_LOOPBACK;
    return 0;
}
