//! The words of the stream. Each enumeration mirrors one of `core`: a new variant there fails to compile here,
//! and the tests compare every name with `core`'s.

use finback_common::hook::Flavour;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process::stack::model as stack;
use finback_core::model::{finding, incident, socket, state};

macro_rules! mirror {
    ($(#[$doc:meta])* $wire:ident of $core:ty { $($(#[$attr:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $wire { $($(#[$attr])* $variant,)+ }

        impl From<$core> for $wire {
            fn from(core: $core) -> Self {
                match core { $(<$core>::$variant => Self::$variant,)+ }
            }
        }

        impl From<$wire> for $core {
            fn from(wire: $wire) -> Self {
                match wire { $($wire::$variant => Self::$variant,)+ }
            }
        }
    };
}

mod evidence;

pub use self::evidence::{Halt, Peer, WaitState};

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
    /// At which moment a stack was taken.
    StackKind of stack::Kind {
        /// In the call of connect.
        Connect,
        /// In the call of accept.
        Accept,
        /// Of a thread of a holder, when the finding was told.
        Current,
    }
}

mirror! {
    /// Why there is no stack where one could be.
    StackAbsence of stack::Absence {
        /// The thread runs: only a blocked one stands still.
        Running,
        /// The thread went on while it was looked at.
        Moved,
        /// The process had ended before its mappings were read.
        ProcessGone,
        /// Memory or mappings of the process could not be read.
        Unreadable,
    }
}

mirror! {
    /// Why a frame has no function.
    FrameReason of stack::Reason {
        /// The file has no symbols: it was stripped.
        NoSymbols,
        /// The file has symbols, but none for this address.
        NoSymbolHere,
        /// Generated code whose runtime has left no perf map.
        GeneratedCode,
        /// The kernel's code in every process.
        Vdso,
        /// Nothing executable is mapped there.
        Unmapped,
        /// The file could not be read.
        Unreadable,
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

mirror! {
    /// What is wrong.
    Verdict of finding::Verdict {
        /// The peer's FIN is in the receive queue and nobody reads.
        EofUnread,
        /// The last read took data and FIN together; the application never asked again.
        EofNotRequested,
        /// The end-of-stream was delivered, the descriptor is still open, nothing is being sent.
        NotClosed,
        /// Hung up while waiting in the accept queue.
        NeverAccepted,
        /// Its opener has closed its descriptor or ended; another process keeps it alive.
        Inherited,
        /// The end-of-stream is read over and over.
        EofSpin,
        /// Data sent after the peer's FIN was answered by a reset.
        WriteAfterFin,
        /// An idle outgoing connection that the server has closed and its pool still keeps.
        StalePooled,
        /// Reset, timed out or destroyed; the descriptor is still open and nobody looked.
        DeadOpen,
        /// The receive queue is full and untouched.
        NeverReads,
        /// The peer does not answer.
        DeadPeer,
        /// We have sent FIN, the peer keeps its side open.
        PeerNotClosing,
        /// A process's connections in TIME_WAIT use up the local ports toward one peer.
        TimeWaitPressure,
    }
}

mirror! {
    /// How bad it is.
    Severity of finding::Severity {
        /// Worth knowing.
        Info,
        /// A leak or about to be one.
        Warning,
        /// Users are hurt now.
        Critical,
    }
}

mirror! {
    /// Why an incident is as severe as it is.
    Reason of incident::Reason {
        /// Many connections that have gone unnoticed for long.
        Crowd,
        /// One that has gone unnoticed for very long.
        Age,
        /// They become more and more.
        Rising,
        /// A process is about to have no descriptor left, and these connections have a good part of them.
        Descriptors,
        /// An accept queue does not move, or is full.
        Queue,
        /// The end-of-stream is read over and over.
        Spin,
        /// Requests are lost on connections that the server had closed.
        LostRequests,
        /// Local ports are used up.
        LocalPorts,
        /// The settings say so of a verdict.
        Configured,
    }
}

mirror! {
    /// How sure the verdict is.
    Confidence of finding::Confidence {
        /// Every part of the proof was seen.
        Proven,
        /// A part is missing: `missing` names it.
        Likely,
    }
}

mirror! {
    /// Where a finding is in its life.
    Action of finding::Action {
        /// New.
        Opened,
        /// The proof or the verdict changed.
        Updated,
        /// Over: `resolution` says why.
        Resolved,
    }
}

mirror! {
    /// Why a finding is over.
    Resolution of finding::Resolution {
        /// The application closed the connection or its sending side.
        ClosedByApp,
        /// Its process ended.
        ProcessExited,
        /// The peer reset it.
        Reset,
        /// Somebody destroyed it.
        Destroyed,
        /// The kernel gave up.
        TimedOut,
        /// The application is at work on it again.
        Resumed,
        /// It was accepted at last.
        Accepted,
        /// The peer has closed its side.
        PeerClosed,
        /// Found closed when the table was compared with the kernel.
        Resync,
    }
}

/// How the daemon learns of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// BTF tracepoint.
    Tracepoint,
    /// Function entry or exit through the BPF trampoline.
    Fentry,
    /// kprobe on function entry.
    Kprobe,
    /// Out of the state changes made in a system call.
    ThroughState,
    /// A look finds what there is to know.
    Look,
    /// By listing from time to time.
    Sweep,
}

impl From<Flavour> for Means {
    fn from(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Tracepoint => Self::Tracepoint,
            Flavour::Fentry => Self::Fentry,
            Flavour::Kprobe => Self::Kprobe,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl Serialize) -> String {
        serde_json::to_value(value)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn states_are_named_as_in_core() {
        for state in (0..=12).filter_map(state::TcpState::from_kernel) {
            assert_eq!(text(State::from(state)), state.name());
        }
    }

    #[test]
    fn verdicts_and_flavours_are_named_as_in_core() {
        for verdict in finding::Verdict::ALL {
            assert_eq!(text(Verdict::from(*verdict)), verdict.name());
        }
        for flavour in Flavour::ALL {
            assert_eq!(text(Means::from(*flavour)), flavour.name());
        }
    }

    #[test]
    fn causes_are_named_as_in_core() {
        use state::Cause as Core;
        for cause in [
            Core::AppConnect,
            Core::AppListen,
            Core::AppAccept,
            Core::Handshake,
            Core::FinReceived,
            Core::FinSent,
            Core::FinAcked,
            Core::AppClose,
            Core::ProcessExit,
            Core::RstReceived,
            Core::Timeout,
            Core::Destroyed,
            Core::Unreachable,
            Core::Finished,
            Core::Resync,
            Core::Unknown,
        ] {
            assert_eq!(text(Cause::from(cause)), cause.name());
        }
    }

    #[test]
    fn the_words_of_a_finding_are_named_as_in_core() {
        use finding::{Action as A, Confidence as C, Resolution as R, Severity as S};
        for severity in [S::Info, S::Warning, S::Critical] {
            assert_eq!(text(Severity::from(severity)), severity.name());
        }
        use incident::Reason as Why;
        for reason in [
            Why::Crowd,
            Why::Age,
            Why::Rising,
            Why::Descriptors,
            Why::Queue,
            Why::Spin,
            Why::LostRequests,
            Why::LocalPorts,
            Why::Configured,
        ] {
            assert_eq!(text(Reason::from(reason)), reason.name());
        }
        for confidence in [C::Proven, C::Likely] {
            assert_eq!(text(Confidence::from(confidence)), confidence.name());
        }
        for action in [A::Opened, A::Updated, A::Resolved] {
            assert_eq!(text(Action::from(action)), action.name());
        }
        for resolution in [
            R::ClosedByApp,
            R::ProcessExited,
            R::Reset,
            R::Destroyed,
            R::TimedOut,
            R::Resumed,
            R::Accepted,
            R::Resync,
        ] {
            assert_eq!(text(Resolution::from(resolution)), resolution.name());
        }
    }
}
