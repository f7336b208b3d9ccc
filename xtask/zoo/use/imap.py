"""imaplib: logs in, looks, idles as phones do, and forgets to log out every other time."""
import imaplib
import time


def visit(turn):
    box = imaplib.IMAP4("127.0.0.1", 1143)
    box.login("zoo", "zoo")
    box.select()
    box.send(b"x1 IDLE\r\n")
    box.readline()
    time.sleep(20)
    box.send(b"DONE\r\n")
    box.readline()
    box.logout() if turn % 2 else box.shutdown()


turn = 0
while True:
    try:
        visit(turn)
    except (OSError, imaplib.IMAP4.error):
        time.sleep(1)
    turn += 1
