//! The words of the stream. Each enumeration mirrors one of `core`: a new variant there fails to compile here,
//! and the tests compare every name with `core`'s.

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

mod connection;
mod evidence;
mod finding;
mod means;
mod stack;

pub use self::connection::{Attribution, Cause, NetworkType, Role, State, Transport};
pub use self::evidence::{Halt, Peer, WaitState};
pub use self::finding::{
    Action, Confidence, Reason, Resolution, Severity, SeverityChange, Verdict,
};
pub use self::means::Means;
pub use self::stack::{FrameReason, StackAbsence, StackKind};

#[cfg(test)]
mod tests {
    use finback_common::hook::Flavour;
    use finback_core::model::{finding, incident, state};
    use serde::Serialize;

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
            R::PeerClosed,
            R::Resync,
            R::Reconfigured,
        ] {
            assert_eq!(text(Resolution::from(resolution)), resolution.name());
        }
    }
}
