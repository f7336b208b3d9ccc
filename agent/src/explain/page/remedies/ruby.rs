use super::fix::Fix;

/// What to change in Ruby.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "close in an `ensure` of the handler's thread; read returning nil (or EOFError) is the end."
        }
        Fix::CloseOpened => {
            "the block forms (TCPSocket.open, Net::HTTP.start), which close on the way out; net-http-persistent: \
             shutdown at the end of each thread."
        }
        Fix::Pool => {
            "idle_timeout of net-http-persistent and of ActiveRecord's pool below the server's; reconnect_attempts of \
             redis."
        }
        Fix::Accept => {
            "all threads of puma are busy: `pumactl stats` (backlog), rbspy shows in what."
        }
        Fix::LeaveLoop => {
            "read_nonblock that gives nil or EOFError is the end: take the socket out of IO.select's list and close it."
        }
        Fix::NotInherit => {
            "close-on-exec is the default, but fork passes all on: close them in the child, reconnect after fork \
             (on_worker_boot, before_fork)."
        }
        Fix::Read => "rbspy dump shows what the thread does instead of reading.",
        Fix::Deadline => {
            "open_timeout, read_timeout and write_timeout of Net::HTTP, IO#timeout= (3.2) for sockets."
        }
        Fix::EndOfPeer => {
            "after close_write read with a timeout (IO#timeout=, IO#wait_readable), then close."
        }
        Fix::Reuse => "net-http-persistent, or one Net::HTTP.start around many requests.",
    }
}
