//! The words of a finding's evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use finback_core::model::{peer, run, waiting};

mirror! {
    /// In which way somebody waits for the socket.
    WaitState of waiting::WaitState {
        /// A thread is blocked in a receive.
        BlockedInReceive,
        /// A thread is blocked in a send.
        BlockedInSend,
        /// A thread is blocked in another call, or in one that cannot be told.
        Blocked,
        /// Edge-triggered: the event waits to be fetched.
        EpollEdgeNotFetched,
        /// Level-triggered and ready: told at every `epoll_wait`, or never called.
        EpollLevelReady,
        /// Edge-triggered: the application was told.
        EpollEdgeDelivered,
        /// One-shot: the event was delivered and not asked for again.
        EpollOneshotDelivered,
        /// Registered in epoll, no event in the list.
        EpollIdle,
        /// In `select` or `poll`, and what has come is not what it asked for.
        SelectOrPoll,
        /// A request of `io_uring` waits.
        IoUring,
        /// Registered in epoll without read events.
        EpollReadNotAsked,
        /// Somebody else.
        Other,
        /// Nobody is registered: the application cannot notice until it reads by itself.
        NobodyWaits,
    }
}

mirror! {
    /// What is known of the other end, once that has ended its side.
    Peer of peer::Peer {
        /// Seen on this host while both ends lived, and closed since; or it has reset the connection.
        Gone,
        /// On this host, a client that has ended its side and keeps its descriptor.
        Waits,
        /// It has acknowledged data later than its FIN, lately.
        Reads,
        /// Its kernel has answered so long after the FIN that a closed connection would have been forgotten.
        Lives,
        /// Nothing of this.
        Unknown,
    }
}

mirror! {
    /// Why no process that holds a socket can do anything.
    Halt of run::Halt {
        /// Stopped by a signal or a debugger.
        Stopped,
        /// Its control group is frozen.
        Frozen,
        /// Its core is being dumped.
        Dumping,
    }
}
