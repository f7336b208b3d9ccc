/* S17: a child forked for something else still holds a connection that its parent has closed. */
#include "stage.h"

int main(int argc, char **argv)
{
	int conn = connect_to(argc > 1 ? argv[1] : "0");
	if (write(conn, "hello\n", 6) != 6)
		return 2;
	usleep(50000); /* a child that is as old as the last byte may have sent it */
	int child = fork();
	if (child == 0) {
		wait_for_end(); /* works on something else */
		_exit(0);
	}
	say_stuck(child, conn);
	close(conn);
	wait_for_end();
}
