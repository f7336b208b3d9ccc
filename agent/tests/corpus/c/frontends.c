/* S13: a proxy forgets to close its frontends and, at its limit of connections, stops accepting. */
#include "stage.h"

int main(void)
{
	int listener = listen_and_say(8), conn = -1;
	char buf[4096];
	for (int i = 0; i < 2; i++) {
		conn = accept(listener, NULL, NULL);
		while (read(conn, buf, sizeof buf) > 0)
			;
	}
	say_stuck(getpid(), conn);
	wait_for_end();
}
