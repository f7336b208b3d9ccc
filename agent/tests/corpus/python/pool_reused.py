"""Control: the same pool, used often enough: urllib3 sees the closed connection and opens another."""

import sys
import time

import requests

session = requests.Session()
for _ in range(6):
    session.get(f"http://127.0.0.1:{sys.argv[1]}/").raise_for_status()
    time.sleep(0.5)
session.close()
print('{"did":"ready"}', flush=True)
sys.stdin.read()
