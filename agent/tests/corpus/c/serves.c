/* Control: a server that does everything right: reads to the end, answers, closes. */
#include "stage.h"

int main(void)
{
	int listener = listen_and_say(64);
	for (;;) {
		int conn = accept(listener, NULL, NULL);
		char buf[4096];
		while (read(conn, buf, sizeof buf) > 0)
			;
		write(conn, "bye\n", 4);
		close(conn);
	}
}
