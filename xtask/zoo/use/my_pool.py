"""pymysql: three connections kept beyond the server's time-out, pinged before use as SQLAlchemy does."""
import time

import pymysql

where = dict(host="127.0.0.1", port=3306, user="zoo", password="zoo", database="test")
kept = [pymysql.connect(**where) for _ in range(3)]
while True:
    for pause in (1, 5, 20, 60):
        for one in kept:
            one.ping(reconnect=True)
            with one.cursor() as cursor:
                cursor.execute("SELECT SLEEP(0.1)")
                cursor.fetchall()
        time.sleep(pause)
