/* What every C scenario needs: a listener on a free port, one line of JSON, an end when the test ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not the name of a scenario's own variable. */
#define LOCAL(p) (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(p), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}

static inline int listen_and_say(int backlog)
{
	struct sockaddr_in at = LOCAL(0);
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (void *)&at, len) || listen(fd, backlog) || getsockname(fd, (void *)&at, &len))
		exit(2);
	printf("{\"did\":\"listening\",\"pid\":%d,\"fd\":%d,\"port\":%d}\n", getpid(), fd, ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static inline int connect_to(const char *port)
{
	struct sockaddr_in at = LOCAL(atoi(port));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (void *)&at, sizeof at))
		exit(2);
	return fd;
}

/* The situation is established: whose descriptor it is. */
static inline void say_stuck(int pid, int fd)
{
	struct stat about;
	if (fstat(fd, &about))
		exit(2);
	printf("{\"did\":\"stuck\",\"pid\":%d,\"fd\":%d,\"inode\":%lu}\n", pid, fd, (unsigned long)about.st_ino);
	fflush(stdout);
}

/* Until the test closes our standard input. */
static inline void wait_for_end(void)
{
	char c;
	while (read(0, &c, 1) > 0)
		;
}
