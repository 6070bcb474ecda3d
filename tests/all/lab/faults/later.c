/* A network device that gives back each packet it is sent, later: the way of a packet that has become longer. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1024, LARGEST = 2048 };

static struct { long long due; ssize_t length; char bytes[LARGEST]; } waiting[MOST];

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    long long delay = atoll(argv[2]);
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    int device = open("/dev/net/tun", O_RDWR);
    if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) {
        perror(argv[1]);
        return 1;
    }
    unsigned first = 0, end = 0;
    for (;;) {
        long long left = first == end ? -1 : waiting[first % MOST].due - now();
        struct pollfd polled = { .fd = device, .events = end - first < MOST ? POLLIN : 0 };
        poll(&polled, 1, first == end ? -1 : left < 0 ? 0 : (int)left);
        if (polled.revents & POLLIN) {
            waiting[end % MOST].length = read(device, waiting[end % MOST].bytes, LARGEST);
            waiting[end % MOST].due = now() + delay;
            end++;
        }
        while (first != end && waiting[first % MOST].due <= now()) {
            if (write(device, waiting[first % MOST].bytes, waiting[first % MOST].length) < 0) perror("write");
            first++;
        }
    }
}
