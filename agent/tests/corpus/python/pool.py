"""S21: requests keeps one idle connection that the server has closed, and would notice before its next use. Benign."""

import sys

import requests

session = requests.Session()
session.get(f"http://127.0.0.1:{sys.argv[1]}/").raise_for_status()
print('{"did":"stuck"}', flush=True)
sys.stdin.read()
