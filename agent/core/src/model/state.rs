//! TCP states and why they change.

use finback_common::tcp;

/// A TCP state (RFC 9293 §3.3.2), with the kernel's extra ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TcpState {
    /// No connection.
    Closed,
    /// A listener.
    Listen,
    /// SYN sent.
    SynSent,
    /// SYN received (SYN-RECEIVED).
    SynReceived,
    /// Open.
    Established,
    /// The peer has sent FIN, the application has not closed.
    CloseWait,
    /// Both have sent FIN, the peer first; ours is not acknowledged.
    LastAck,
    /// We have sent FIN, not acknowledged yet.
    FinWait1,
    /// Our FIN is acknowledged, the peer has not sent one.
    FinWait2,
    /// Both have sent FIN at once.
    Closing,
    /// Waiting for old segments to die out (2 MSL).
    TimeWait,
}

impl TcpState {
    /// Each once.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::CloseWait,
        Self::LastAck,
        Self::FinWait1,
        Self::FinWait2,
        Self::Closing,
        Self::TimeWait,
    ];

    /// From the kernel's number (`include/net/tcp_states.h`); `None` for one we do not know.
    pub const fn from_kernel(state: u8) -> Option<Self> {
        Some(match state {
            tcp::ESTABLISHED => Self::Established,
            tcp::SYN_SENT => Self::SynSent,
            tcp::SYN_RECV | tcp::NEW_SYN_RECV => Self::SynReceived,
            tcp::FIN_WAIT1 => Self::FinWait1,
            tcp::FIN_WAIT2 => Self::FinWait2,
            tcp::TIME_WAIT => Self::TimeWait,
            tcp::CLOSE => Self::Closed,
            tcp::CLOSE_WAIT => Self::CloseWait,
            tcp::LAST_ACK => Self::LastAck,
            tcp::LISTEN => Self::Listen,
            tcp::CLOSING => Self::Closing,
            _ => return None,
        })
    }

    /// The kernel's number.
    pub const fn to_kernel(self) -> u8 {
        match self {
            Self::Established => tcp::ESTABLISHED,
            Self::SynSent => tcp::SYN_SENT,
            Self::SynReceived => tcp::SYN_RECV,
            Self::FinWait1 => tcp::FIN_WAIT1,
            Self::FinWait2 => tcp::FIN_WAIT2,
            Self::TimeWait => tcp::TIME_WAIT,
            Self::Closed => tcp::CLOSE,
            Self::CloseWait => tcp::CLOSE_WAIT,
            Self::LastAck => tcp::LAST_ACK,
            Self::Listen => tcp::LISTEN,
            Self::Closing => tcp::CLOSING,
        }
    }

    /// Name as in OpenTelemetry's `network.connection.state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Listen => "listen",
            Self::SynSent => "syn_sent",
            Self::SynReceived => "syn_received",
            Self::Established => "established",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::FinWait1 => "fin_wait_1",
            Self::FinWait2 => "fin_wait_2",
            Self::Closing => "closing",
            Self::TimeWait => "time_wait",
        }
    }
}

/// Why a state changed, as far as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The application called connect.
    AppConnect,
    /// The application called listen.
    AppListen,
    /// The application accepted it (TCP Fast Open: before the handshake ended).
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
    /// It was reset after the application had closed it: by the peer, or by our kernel because data came that nobody
    /// can read any more (`TCPAbortOnData`). The kernel leaves the same trace of both.
    ResetAfterClose,
    /// New traffic between the same addresses has taken its place (RFC 6191).
    Reused,
    /// The kernel gave up waiting (retransmissions, keep-alive, or the end of TIME_WAIT).
    Timeout,
    /// Somebody destroyed it (`SOCK_DESTROY`).
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

impl Cause {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppConnect => "app_connect",
            Self::AppListen => "app_listen",
            Self::AppAccept => "app_accept",
            Self::Handshake => "handshake",
            Self::FinReceived => "fin_received",
            Self::FinSent => "fin_sent",
            Self::FinAcked => "fin_acked",
            Self::AppClose => "app_close",
            Self::ProcessExit => "process_exit",
            Self::RstReceived => "rst_received",
            Self::ResetAfterClose => "reset_after_close",
            Self::Reused => "reused",
            Self::Timeout => "timeout",
            Self::Destroyed => "destroyed",
            Self::Unreachable => "unreachable",
            Self::Finished => "finished",
            Self::Resync => "resync",
            Self::Unknown => "unknown",
        }
    }
}
