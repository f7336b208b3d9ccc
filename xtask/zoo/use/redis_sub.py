"""redis-py: subscribes, and publishes from a second connection."""
import threading
import time

import redis

listener = redis.Redis(host="127.0.0.1", port=6379).pubsub()
listener.subscribe("news")
threading.Thread(target=lambda: [None for _ in listener.listen()], daemon=True).start()
while True:
    redis.Redis(host="127.0.0.1", port=6379).publish("news", "x" * 200)
    time.sleep(3)
