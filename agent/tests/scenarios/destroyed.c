// A server that waits in epoll for its only client, and says what it feels when its socket is destroyed.
//
// usage: destroyed ADDRESS PORT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *outcome(ssize_t result) {
    static char text[16];
    if (result < 0) {
        return strerrorname_np(errno);
    }
    snprintf(text, sizeof text, "%zd", result);
    return text;
}

int main(int argc, char **argv) {
    const char *life = getenv("FINBACK_SCENARIO_LIFE");
    alarm(life ? atoi(life) : 60);
    signal(SIGPIPE, SIG_IGN);
    if (argc != 3) {
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1)) {
        perror("listen");
        return 1;
    }
    printf("{\"did\": \"listening\", \"pid\": %d}\n", getpid());
    fflush(stdout);
    int client = accept(listener, NULL, NULL), poll = epoll_create1(0);
    printf("{\"did\": \"accepted\", \"fd\": %d}\n", client);
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLRDHUP};
    epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
    epoll_wait(poll, &event, 1, -1);
    printf("{\"did\": \"felt\", \"felt\": \"wakes %s%s%s", event.events & EPOLLRDHUP ? "RDHUP" : "",
           event.events & EPOLLERR ? "|ERR" : "", event.events & EPOLLHUP ? "|HUP" : "");
    char byte = 'x';
    printf(", write %s", outcome(write(client, &byte, 1)));
    printf(", write %s", outcome(write(client, &byte, 1)));
    printf(", read %s\"}\n", outcome(read(client, &byte, 1)));
    fflush(stdout);
    // The descriptor stays until the test ends this.
    while (read(0, &byte, 1) > 0) {
    }
    return 0;
}
