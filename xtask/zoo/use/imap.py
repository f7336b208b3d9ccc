"""imaplib: logs in, looks, idles as phones do, and forgets to log out every other time."""
import imaplib
import time

turn = 0
while True:
    box = imaplib.IMAP4("127.0.0.1", 1143)
    box.login("zoo", "zoo")
    box.select()
    box.send(b"x1 IDLE\r\n")
    box.readline()
    time.sleep(20)
    box.send(b"DONE\r\n")
    box.readline()
    turn += 1
    box.logout() if turn % 2 else box.shutdown()
