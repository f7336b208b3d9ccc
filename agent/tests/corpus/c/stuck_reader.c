/* S13, stuck thread: a client whose thread never comes back to its socket. The server's FIN cannot even arrive. */
#include "stage.h"

int main(int argc, char **argv)
{
	int conn = connect_to(argc > 1 ? argv[1] : "0");
	if (write(conn, "GET /dump\n", 10) != 10)
		return 2;
	say_stuck(getpid(), conn);
	wait_for_end();
}
