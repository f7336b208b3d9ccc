/* S29, without a JVM: an event loop that nobody told what an end of the stream is reads it again and again. */
#include <poll.h>

#include "stage.h"

int main(void)
{
	int listener = listen_and_say(1);
	int conn = accept(listener, NULL, NULL);
	struct pollfd ends[] = {{.fd = conn, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char buf[4096];
	say_stuck(getpid(), conn);
	while (poll(ends, 2, -1) > 0 && !ends[1].revents) {
		if (read(conn, buf, sizeof buf) < 0)
			return 2;
		usleep(1000); /* kind to the machine: a thousand times a second is enough */
	}
}
