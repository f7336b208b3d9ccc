//! What to do about it in the words of a runtime.

use crate::model::finding::Verdict;

/// Runtimes that a process's name tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runtime {
    Java,
    Python,
    Node,
    Php,
    Ruby,
}

/// Of a process with that name.
pub(super) fn runtime(comm: &str) -> Option<Runtime> {
    [
        ("java", Runtime::Java),
        ("python", Runtime::Python),
        ("gunicorn", Runtime::Python),
        ("uwsgi", Runtime::Python),
        ("node", Runtime::Node),
        ("php", Runtime::Php),
        ("ruby", Runtime::Ruby),
        ("puma", Runtime::Ruby),
    ]
    .into_iter()
    .find(|(prefix, _)| comm.starts_with(prefix))
    .map(|(_, runtime)| runtime)
}

/// Only where whoever holds the connection has let go of it.
pub(super) const fn advice(
    runtime: Runtime,
    verdict: Verdict,
    client: bool,
) -> Option<&'static str> {
    let forgotten = matches!(
        verdict,
        Verdict::EofUnread
            | Verdict::EofNotRequested
            | Verdict::NotClosed
            | Verdict::StalePooled
            | Verdict::DeadOpen
    );
    if !forgotten {
        return None;
    }
    Some(match runtime {
        Runtime::Java if client => {
            "In Java: close response bodies and streams (try-with-resources), and let the pool evict idle connections."
        }
        Runtime::Java => "In Java: close the socket in try-with-resources or finally.",
        Runtime::Python if client => {
            "In Python: use `with` for sockets, responses and sessions; a response that is not read to its end \
             keeps its connection."
        }
        Runtime::Python => {
            "In Python: use `with` for sockets; what makefile returned keeps the connection as well."
        }
        Runtime::Node => {
            "In Node.js: handle 'end' and 'close' and call destroy(); allowHalfOpen leaves the closing to you."
        }
        Runtime::Php if client => {
            "In PHP: persistent streams and handles outlive the request; close or limit them."
        }
        Runtime::Php => "In PHP: close the stream (fclose) when feof says so.",
        Runtime::Ruby => {
            "In Ruby: use the block forms (TCPSocket.open, Net::HTTP.start), which close on the way out."
        }
    })
}
