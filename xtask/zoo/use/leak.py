"""requests: a new session every two seconds, all of them kept: leak.py PORT."""
import sys
import time

import requests

kept = []
while True:
    session = requests.Session()
    session.get(f"http://127.0.0.1:{sys.argv[1]}/")
    kept.append(session)
    time.sleep(2)
