/* Control: a child per connection, the parent closes its own descriptor, as inetd and sshd do. */
#include "stage.h"

int main(void)
{
	int listener = listen_and_say(8), conn;
	signal(SIGCHLD, SIG_IGN);
	while ((conn = accept(listener, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			char buf[4096];
			ssize_t n;
			while ((n = read(conn, buf, sizeof buf)) > 0)
				write(conn, buf, n);
			_exit(0);
		}
		close(conn);
	}
}
