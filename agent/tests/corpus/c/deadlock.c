/* S14: every worker thread waits for a lock that nobody will give back. */
#include "stage.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *serve(void *conn)
{
	char buf[4096];
	pthread_mutex_lock(&lock);
	while (read((int)(long)conn, buf, sizeof buf) > 0)
		;
	close((int)(long)conn);
	return NULL;
}

int main(void)
{
	int listener = listen_and_say(8), conn = -1;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		conn = accept(listener, NULL, NULL);
		pthread_create(&thread, NULL, serve, (void *)(long)conn);
	}
	say_stuck(getpid(), conn);
	wait_for_end();
}
