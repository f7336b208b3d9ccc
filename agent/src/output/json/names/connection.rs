//! The words of a connection and its changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use finback_core::model::{socket, state};

mirror! {
    /// A TCP state, named as in OpenTelemetry's `network.connection.state`.
    State of state::TcpState {
        /// No connection.
        Closed,
        /// A listener.
        Listen,
        /// SYN sent.
        SynSent,
        /// SYN received.
        SynReceived,
        /// Open.
        Established,
        /// The peer has sent FIN, the application has not closed.
        CloseWait,
        /// Both have sent FIN, the peer first; ours is not acknowledged.
        LastAck,
        /// We have sent FIN, it is not acknowledged yet.
        #[serde(rename = "fin_wait_1")]
        FinWait1,
        /// Our FIN is acknowledged, the peer has not sent one.
        #[serde(rename = "fin_wait_2")]
        FinWait2,
        /// Both have sent FIN at once.
        Closing,
        /// Waiting for old segments to die out.
        TimeWait,
    }
}

mirror! {
    /// Why a state changed, as far as the kernel says.
    Cause of state::Cause {
        /// The application called connect.
        AppConnect,
        /// The application called listen.
        AppListen,
        /// The application accepted it before the handshake ended (TCP Fast Open).
        AppAccept,
        /// The handshake went on or ended.
        Handshake,
        /// The peer's FIN was accepted.
        FinReceived,
        /// Our FIN was sent because the application called shutdown.
        FinSent,
        /// Our FIN was acknowledged.
        FinAcked,
        /// The application closed its last descriptor.
        AppClose,
        /// Its process ended.
        ProcessExit,
        /// The peer reset it.
        RstReceived,
        /// Reset after the application had closed it, by the peer or because data came that nobody can read any more.
        ResetAfterClose,
        /// New traffic between the same addresses has taken its place.
        Reused,
        /// The kernel gave up waiting: retransmissions, keep-alive, or the end of TIME_WAIT.
        Timeout,
        /// Somebody destroyed it.
        Destroyed,
        /// The network said so (ICMP).
        Unreachable,
        /// Both directions were closed in order.
        Finished,
        /// Found by comparing with the kernel.
        Resync,
        /// The kernel gives no reason.
        Unknown,
    }
}

mirror! {
    /// Which end opened the connection.
    Role of socket::Role {
        /// The local end called connect.
        Client,
        /// The local end came out of a listener.
        Server,
        /// It is older than the daemon.
        Unknown,
    }
}

mirror! {
    /// How sure it is that the process belongs to the socket.
    Attribution of socket::Attribution {
        /// Seen calling connect.
        Connect,
        /// Seen calling accept.
        Accept,
        /// A descriptor of it refers to the socket.
        Holder,
        /// Not accepted yet: the process holds the listener.
        Listener,
        /// Holds a descriptor that another process opened.
        Inherited,
        /// Nobody known.
        Unknown,
    }
}

/// Always TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Transmission Control Protocol.
    Tcp,
}

/// Version of the Internet Protocol; an IPv4 connection of an IPv6 socket is `ipv4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkType {
    /// Version 4.
    Ipv4,
    /// Version 6.
    Ipv6,
}
