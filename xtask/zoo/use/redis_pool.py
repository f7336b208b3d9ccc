"""redis-py: a pool of four, used now all at once and now one by one, with pauses beyond the server's time-out."""
import threading
import time

import redis

client = redis.Redis(host="127.0.0.1", port=6379, max_connections=4, retry_on_timeout=True)


def burst():
    for number in range(20):
        try:
            client.set(f"key{number}", "x" * 100)
            client.blpop("nothing", timeout=1) if number == 0 else client.get(f"key{number}")
        except redis.RedisError:
            pass


while True:
    for pause in (1, 5, 15, 30, 70):
        threads = [threading.Thread(target=burst) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        time.sleep(pause)
