//! The words of a finding and of an incident.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use finback_core::model::{finding, incident};

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
    /// What has become of an incident's severity.
    SeverityChange of incident::SeverityChange {
        /// It is worse.
        Raised,
        /// It is better.
        Lowered,
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
        /// The settings were changed and ask for more than there is.
        Reconfigured,
    }
}
