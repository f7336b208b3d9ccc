use super::fix::Fix;

/// What to change in Node.js.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "handle 'end', 'error' and 'close' of every socket; with allowHalfOpen: true call end() in 'end'. A socket \
             that is paused, or that nobody reads, never tells 'end': resume() or destroy() it. After 'upgrade' the \
             socket is yours."
        }
        Fix::CloseOpened => {
            "consume or destroy every response: res.resume(), res.destroy(), `await response.body?.cancel()` of fetch; \
             stream.pipeline destroys both sides after an error, pipe does not."
        }
        Fix::Pool => {
            "the agent's timeout (keepAliveTimeout of undici, idleTimeoutMillis of pg) below the server's; a server's \
             keepAliveTimeout is 5 s by default."
        }
        Fix::Accept => {
            "the event loop is blocked by something that computes or calls a synchronous function."
        }
        Fix::LeaveLoop => "a native addon or a loop over a synchronous read: 0 is the end.",
        Fix::NotInherit => {
            "child_process passes on what stdio names, and cluster what send() was given: close the parent's."
        }
        Fix::Read => {
            "a stream is paused or back-pressured: look for pause(), for a pipe into something that takes nothing, and \
             for a response that nobody reads."
        }
        Fix::Deadline => {
            "socket.setTimeout only tells 'timeout': destroy() in its handler. AbortSignal.timeout(ms) for fetch, \
             requestTimeout and headersTimeout for servers."
        }
        Fix::EndOfPeer => "after end() set socket.setTimeout, and destroy() in its handler.",
        Fix::Reuse => "one Agent with keepAlive: true for all, responses consumed.",
    }
}
