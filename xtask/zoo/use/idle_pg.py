"""psycopg2: a pool that was busy once: idle_pg.py PORT COUNT."""
import sys
import time

import psycopg2.pool

count = int(sys.argv[2])
pool = psycopg2.pool.ThreadedConnectionPool(count, count, host="127.0.0.1", port=int(sys.argv[1]), user="postgres",
                                            dbname="postgres")
taken = [pool.getconn() for _ in range(count)]
for one in taken:
    with one, one.cursor() as cursor:
        cursor.execute("SELECT 1")
    pool.putconn(one)
open(f"/run/pool-{sys.argv[1]}", "w").close()
time.sleep(3600)
