/* Connects to a port, says so, and forgets the connection. Its functions and lines are known to the test. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noinline)) static int open_and_forget(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) /* line 14 */
        exit(1);
    return fd;
}

__attribute__((noinline)) static void wait_for_orders(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    epoll_wait(epoll, &event, 1, -1);
    close(epoll);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int fd = open_and_forget(atoi(argv[1]));
    struct sockaddr_in at;
    socklen_t length = sizeof at;
    getsockname(fd, (struct sockaddr *)&at, &length);
    printf("{\"did\":\"opened\",\"pid\":%d,\"fd\":%d,\"port\":%d}\n", getpid(), fd, ntohs(at.sin_port));
    fflush(stdout);
    wait_for_orders();
    return 0;
}
