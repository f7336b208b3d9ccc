/* S7, the reset half: the peer resets the connection, nobody looks, the descriptor stays. */
#include "stage.h"

int main(void)
{
	int conn = accept(listen_and_say(8), NULL, NULL);
	say_stuck(getpid(), conn);
	wait_for_end();
}
