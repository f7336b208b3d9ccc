/* S18: goes on writing to a client that has gone, does not look at the errors, keeps the descriptor. */
#include "stage.h"

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	int conn = accept(listen_and_say(8), NULL, NULL);
	char buf[4096];
	while (read(conn, buf, sizeof buf) > 0)
		;
	usleep(500000); /* the client has long gone */
	for (int i = 0; i < 20; i++) {
		if (write(conn, "tick\n", 5) < 0 && i == 0)
			return 2;
		usleep(20000);
	}
	say_stuck(getpid(), conn);
	wait_for_end();
}
