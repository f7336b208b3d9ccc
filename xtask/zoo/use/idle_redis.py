"""redis-py: a pool that was busy once: idle_redis.py PORT COUNT."""
import sys
import time

import redis

pool = redis.ConnectionPool(host="127.0.0.1", port=int(sys.argv[1]))
taken = [pool.get_connection("PING") for _ in range(int(sys.argv[2]))]
for one in taken:
    one.send_command("PING")
    one.read_response()
    pool.release(one)
open(f"/run/pool-{sys.argv[1]}", "w").close()
time.sleep(3600)
