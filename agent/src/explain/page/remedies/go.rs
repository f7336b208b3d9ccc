use super::fix::Fix;

/// What to change in Go.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "`defer conn.Close()` where the connection is accepted, and let every error of Read end the goroutine, \
             io.EOF too. In net/http handlers wait with r.Context(), which ends when the client goes, and set \
             ReadHeaderTimeout, ReadTimeout and IdleTimeout; what was hijacked is yours to close."
        }
        Fix::CloseOpened => {
            "`defer resp.Body.Close()` after every err == nil, and read the body to its end; rows.Close() of \
             database/sql. The linters bodyclose and sqlclosecheck find those that are missing."
        }
        Fix::Pool => {
            "http.Transport.IdleConnTimeout, or SetConnMaxIdleTime of database/sql, shorter than the server's idle \
             timeout. net/http repeats a request by itself if it is idempotent and its body can be read again (GetBody)."
        }
        Fix::Accept => {
            "a loop that returns at the first error of Accept, a LimitListener whose places are not given back, or a \
             handler that is called in the loop instead of in `go`."
        }
        Fix::LeaveLoop => {
            "return when Read gives an error; `if err != nil { continue }` and a bufio.Scanner in an endless loop are \
             the usual cause."
        }
        Fix::NotInherit => {
            "net sets close-on-exec itself; (*TCPConn).File() is a duplicate that must be closed as well, and \
             exec.Cmd.ExtraFiles passes descriptors on."
        }
        Fix::Read => {
            "the goroutine that reads is blocked elsewhere, often on a channel that nobody empties: \
             /debug/pprof/goroutine?debug=2 shows where."
        }
        Fix::Deadline => {
            "SetReadDeadline or SetDeadline before each exchange, http.Client.Timeout or a context with a deadline; \
             net.Dialer.Control for TCP_USER_TIMEOUT."
        }
        Fix::EndOfPeer => "after CloseWrite set a read deadline, and close when it has passed.",
        Fix::Reuse => {
            "one http.Client for all, response bodies read to their end, and MaxIdleConnsPerHost (2 by default) as \
             high as there are requests at a time."
        }
    }
}
