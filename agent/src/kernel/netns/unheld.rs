//! Connections that no descriptor refers to.

use std::io;

use finback_common::tcp;

use super::sock_diag::{Listed, Listing, Query, bit, list_those};
use crate::kernel::netns;
use finback_core::model::look::{Unheld, UnheldList};
use finback_core::model::socket::Endpoints;
use finback_core::model::state::TcpState;

/// All of them, in every namespace: in an accept queue or on their way to another process, closing, and minisocks. Those of
/// which `is_known` says so are left out, also if they were accepted only now.
pub fn unheld(is_known: impl Fn(&Endpoints) -> bool) -> io::Result<UnheldList> {
    let open = [tcp::ESTABLISHED, tcp::CLOSE_WAIT];
    let closing = [
        tcp::TIME_WAIT,
        tcp::FIN_WAIT1,
        tcp::FIN_WAIT2,
        tcp::CLOSING,
        tcp::LAST_ACK,
    ];
    let states = open.into_iter().chain(closing);
    let query = Query {
        states: states.fold(0, |all, state| all | bit(state)),
        counters: false,
    };
    let keep = |socket: &Listed| {
        if matches!(socket.state, TcpState::Established | TcpState::CloseWait) {
            !is_known(&socket.endpoints)
        } else {
            socket.inode == 0
        }
    };
    Ok(without_numbers(list_those(query, &[], keep)?))
}

/// The minisocks of these namespaces (all if empty). One that is gone has none; of one that cannot be found though it is
/// `known` to be there, or though a descriptor of it is open, nothing is said.
pub fn minisocks(wanted: &[u32], known: impl Fn(u32) -> bool) -> io::Result<UnheldList> {
    let query = Query {
        // A minisock in FIN_WAIT2 is listed under that state in new kernels and under TIME_WAIT in old ones.
        states: bit(tcp::TIME_WAIT) | bit(tcp::FIN_WAIT2),
        counters: false,
    };
    let mut listing = list_those(query, wanted, |socket| socket.minisock)?;
    let mut gone = std::mem::take(&mut listing.missing);
    gone.retain(|id| !known(*id));
    let held = netns::held(&gone)?;
    gone.retain(|id| !held.contains(id));
    listing.namespaces.append(&mut gone);
    Ok(without_numbers(listing))
}

fn without_numbers(listing: Listing) -> UnheldList {
    let sockets = listing.sockets.iter().map(|socket| Unheld {
        endpoints: socket.endpoints,
        state: socket.state,
        minisock: socket.minisock,
    });
    UnheldList {
        sockets: sockets.collect(),
        namespaces: listing.namespaces,
    }
}
