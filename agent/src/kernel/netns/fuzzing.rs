//! What the kernel answers about sockets and ports.

use super::local_ports;
use super::sock_diag::{Query, read_messages};

/// Every socket takes a message, and nothing is read twice.
pub(crate) fn sock_diag(bytes: &[u8]) {
    const MESSAGE: usize = 16 + 72;
    for counters in [false, true] {
        let query = Query {
            states: u32::MAX,
            counters,
        };
        let mut sockets = Vec::new();
        let last = read_messages(bytes, query, 1, &mut |listed| sockets.push(listed));
        assert!(sockets.len() <= bytes.len() / MESSAGE, "{last:?}");
    }
}

/// Settings of a network namespace.
pub(in crate::kernel) fn local_ports(text: &str) {
    let (low, high) = local_ports::range(text).unwrap_or((0, u16::MAX));
    local_ports::reserved(text, low, high);
}
