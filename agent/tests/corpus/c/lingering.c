/* Control: lingering close as web servers do it. Says the last word first, then reads what still comes, then closes. */
#include "stage.h"

int main(void)
{
	int conn = accept(listen_and_say(8), NULL, NULL);
	char buf[4096];
	read(conn, buf, sizeof buf);
	write(conn, "413\n", 4);
	shutdown(conn, SHUT_WR);
	while (read(conn, buf, sizeof buf) > 0)
		;
	close(conn);
	wait_for_end();
}
