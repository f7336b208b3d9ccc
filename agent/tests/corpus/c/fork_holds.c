/* S17: a child forked for something else still holds a connection that its parent has closed. */
#include "stage.h"

int main(void)
{
	int conn = accept(listen_and_say(8), NULL, NULL);
	char buf[4096];
	read(conn, buf, sizeof buf);
	int child = fork();
	if (child == 0) {
		wait_for_end(); /* works on something else */
		_exit(0);
	}
	say_stuck(child, conn);
	close(conn);
	wait_for_end();
}
