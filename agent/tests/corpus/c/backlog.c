/* S20: the only process of a master has died inside; its clients wait in the accept queue and hang up there. */
#include "stage.h"

int main(void)
{
	listen_and_say(8);
	wait_for_end();
}
