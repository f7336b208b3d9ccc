"""HTTP pools: urllib3 and requests keep connections to every server, and pause for longer and longer."""
import sys
import time

import requests
import urllib3

ports = [int(word) for word in sys.argv[1:]]
pool = urllib3.PoolManager(num_pools=50, maxsize=4)
session = requests.Session()
turn = 0
while True:
    for port in ports:
        for get in (lambda url: pool.request("GET", url, retries=2), session.get):
            try:
                get(f"http://127.0.0.1:{port}/")
            except Exception:
                pass
    turn += 1
    time.sleep(1 + turn % 12)
