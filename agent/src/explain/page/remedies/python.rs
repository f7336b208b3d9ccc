use super::fix::Fix;

/// What to change in Python.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "`with conn:` in the handler, and leave when recv returns b''. What makefile() returned keeps the \
             descriptor open until it is closed as well. In asyncio `writer.close()` in a finally; eof_received that \
             returns True leaves the closing to you."
        }
        Fix::CloseOpened => {
            "`with` for sessions and responses (requests with stream=True, httpx, aiohttp, urllib); an answer that is \
             not read to its end keeps its connection. `python -X dev -X tracemalloc` names the line of what was \
             never closed (ResourceWarning)."
        }
        Fix::Pool => {
            "redis-py: health_check_interval; SQLAlchemy: pool_pre_ping and pool_recycle below the server's timeout; \
             urllib3 and requests look before they use one again, there it is only a descriptor."
        }
        Fix::Accept => {
            "all workers are busy or blocked: the number of gunicorn's workers and threads, a handler that blocks the \
             event loop, a server that handles one after the other (http.server, socketserver without ThreadingMixIn)."
        }
        Fix::LeaveLoop => {
            "b'' of recv is the end: leave the loop, unregister it from the selector, close it."
        }
        Fix::NotInherit => {
            "descriptors are not inherited by default, but os.fork and multiprocessing with the start method fork pass \
             all on: close them in the child, or use spawn."
        }
        Fix::Read => {
            "`py-spy dump` shows what the thread or the event loop does instead of reading; in asyncio a handler that \
             waits keeps its transport paused."
        }
        Fix::Deadline => {
            "sock.settimeout, timeout= of requests and httpx (requests has none by default), asyncio.timeout around \
             every await of the network."
        }
        Fix::EndOfPeer => {
            "after shutdown(SHUT_WR) or write_eof wait with a timeout (settimeout, asyncio.timeout), then close."
        }
        Fix::Reuse => {
            "one requests.Session, httpx.Client or aiohttp.ClientSession for all, not one per request."
        }
    }
}
