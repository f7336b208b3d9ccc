use super::fix::Fix;

/// What to change in a compiled program.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "recv that returns 0 is the end: close on that path and after every error, and every duplicate (dup, \
             fork). With edge-triggered epoll read until EAGAIN or 0, and ask for EPOLLRDHUP. In async Rust a task \
             that is never polled again keeps its stream."
        }
        Fix::CloseOpened => {
            "close on every path, also after errors; libcurl: curl_easy_cleanup of every handle, and read answers to \
             their end."
        }
        Fix::Pool => {
            "before one is used again: poll with POLLIN | POLLRDHUP and no wait, or recv with MSG_PEEK | MSG_DONTWAIT; \
             0 means open another. libcurl: CURLOPT_MAXAGE_CONN."
        }
        Fix::Accept => {
            "call accept until EAGAIN when the listener is edge-triggered, go on after ECONNABORTED, and keep a spare \
             descriptor for EMFILE."
        }
        Fix::LeaveLoop => {
            "recv that returns 0 is not EAGAIN: leave the loop, take it out of epoll, close it."
        }
        Fix::NotInherit => {
            "SOCK_CLOEXEC of socket and accept4, FD_CLOEXEC for what libraries open, and close in the child what it \
             does not need."
        }
        Fix::Read => {
            "a thread is blocked in something else, or read interest was switched off: gdb shows where."
        }
        Fix::Deadline => {
            "setsockopt TCP_USER_TIMEOUT (milliseconds), SO_RCVTIMEO and SO_SNDTIMEO, or a timer of the event loop \
             that closes."
        }
        Fix::EndOfPeer => {
            "after shutdown(SHUT_WR) start a timer and close when it has passed. Of proxies that is a setting: \
             haproxy has timeout server-fin, client-fin and tunnel, nginx proxy_timeout, Envoy idle_timeout."
        }
        Fix::Reuse => "keep connections open and use them again, or let the server close first.",
    }
}
