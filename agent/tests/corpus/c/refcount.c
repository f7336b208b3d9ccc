/* S15: one reference too many is taken, so the close that belongs to the last one never runs. */
#include "stage.h"

struct conn { int fd, refs; };

static void put(struct conn *conn)
{
	if (--conn->refs == 0)
		close(conn->fd);
}

int main(void)
{
	struct conn conn = {.fd = accept(listen_and_say(8), NULL, NULL), .refs = 2};
	char buf[4096];
	while (read(conn.fd, buf, sizeof buf) > 0)
		;
	put(&conn);
	say_stuck(getpid(), conn.fd);
	wait_for_end();
}
