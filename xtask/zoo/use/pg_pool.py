"""psycopg2: a pool toward the port given, used with pauses; and a listener for notifications."""
import select
import sys
import threading
import time

import psycopg2
import psycopg2.pool

where = dict(host="127.0.0.1", port=int(sys.argv[1]), user="postgres", dbname="postgres")
pool = psycopg2.pool.ThreadedConnectionPool(3, 6, **where)


def listen():
    base = psycopg2.connect(host="127.0.0.1", port=5432, user="postgres", dbname="postgres")
    base.autocommit = True
    base.cursor().execute("LISTEN news")
    while True:
        if select.select([base], [], [], 60)[0]:
            base.poll()
            base.notifies.clear()


threading.Thread(target=listen, daemon=True).start()
while True:
    for pause in (1, 4, 10, 40, 2):
        taken = [pool.getconn() for _ in range(4)]
        for one in taken:
            try:
                with one, one.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(0.2); NOTIFY news")
                pool.putconn(one)
            except psycopg2.Error:
                pool.putconn(one, close=True)
        time.sleep(pause)
