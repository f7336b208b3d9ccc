"""A WSGI application for gunicorn: quick, slow, and one that takes a body."""
import time
from urllib.parse import parse_qs


def app(environ, start):
    path = environ["PATH_INFO"]
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if path == "/slow":
        time.sleep(float(query.get("s", ["3"])[0]))
    if path == "/body":
        while environ["wsgi.input"].read(65536):
            pass
    body = b"zoo\n" * 500
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]
