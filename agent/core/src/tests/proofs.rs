//! Whatever looks show: no finding without the proof that its verdict demands, and none against what excuses.

use proptest::prelude::*;

use super::*;
use crate::model::finding::{Confidence, Severity};
use crate::model::look::Queued;
use crate::model::peer::Peer;
use crate::model::run::Halt;
use crate::model::waiting::{WaitState, Waiting};

/// What looks show of the first connection, for so long.
#[derive(Clone, Debug)]
struct Scene {
    seconds: u64,
    view: SocketView,
}

fn states() -> impl Strategy<Value = TcpState> {
    prop_oneof![
        4 => Just(TcpState::CloseWait),
        2 => Just(TcpState::Closed),
        2 => Just(TcpState::Established),
        1 => Just(TcpState::FinWait1),
        2 => Just(TcpState::FinWait2),
        1 => Just(TcpState::LastAck),
        1 => Just(TcpState::SynSent),
    ]
}

fn waits() -> impl Strategy<Value = Option<Waiting>> {
    let states = prop::sample::select(vec![
        WaitState::NobodyWaits,
        WaitState::BlockedInReceive,
        WaitState::EpollLevelReady,
        WaitState::EpollEdgeNotFetched,
        WaitState::EpollEdgeDelivered,
        WaitState::EpollReadNotAsked,
        WaitState::SelectOrPoll,
    ]);
    let waiting = (states, any::<bool>()).prop_map(|(state, attended)| Waiting {
        state,
        thread: None,
        attended,
    });
    prop::option::of(waiting)
}

/// What is remembered of the end.
fn halves() -> impl Strategy<Value = Option<HalfClosed>> {
    let half = (0_u32..3, 0_u32..2_000, any::<[bool; 3]>());
    let half = half.prop_map(|(told, unread, [with_data, by_reset, heir])| HalfClosed {
        unread,
        eof_at: (told > 0).then(|| at(200)),
        eof_count: told,
        eof_by: (told > 0).then_some(if heir { 8 } else { 7 }),
        fin_with_data: with_data,
        by_reset,
        ..fin(100)
    });
    prop::option::weighted(0.8, half)
}

fn counters() -> impl Strategy<Value = SocketCounters> {
    let few = || prop_oneof![4 => Just(0_u32), 2 => Just(1), 1 => Just(70), 1 => Just(70_000)];
    let numbers = (few(), few(), few(), few());
    let small = (0_u8..5, 0_u8..5, any::<[bool; 4]>());
    let stamps = (0_u32..3_000, 0_u32..3_000);
    (numbers, small, stamps).prop_map(
        |((unread, unacked, acked, read), (retransmits, probes, flags), (sent, received))| {
            let [shut, over, error, upper_layer] = flags;
            SocketCounters {
                unread,
                unacked,
                snd_una: Some(acked),
                write_seq: Some(acked + unacked),
                bytes_sent: u64::from(acked) + 10,
                bytes_acked: u64::from(acked),
                bytes_received: u64::from(unread) + u64::from(read),
                last_sent: sent,
                last_received: received,
                last_heard: sent.max(received),
                error: if error { 104 } else { 0 },
                shutdown: if over { 3 } else { 0 },
                fin_received: true,
                window: Some(if shut { 0 } else { 65_536 }),
                retransmits,
                probes,
                upper_layer: upper_layer && error,
                ..SocketCounters::default()
            }
        },
    )
}

fn scenes() -> impl Strategy<Value = Vec<Scene>> {
    let what = (states(), waits(), halves(), counters());
    let who = (0_u8..4, any::<[bool; 2]>());
    let scene = (5_u64..90, what, who).prop_map(|(seconds, what, (who, [queued, client]))| {
        let (state, waiting, half, counters) = what;
        let ended = matches!(state, TcpState::CloseWait | TcpState::Closed);
        let queued = (queued && who == 0 && !client).then(|| Queued {
            listener: None,
            listeners: vec![holder(3, 3)],
            proven: true,
        });
        let holders = match who {
            _ if queued.is_some() => Vec::new(),
            0 | 1 => vec![holder(7, 5)],
            2 => vec![Holder {
                process: heir(8, 2_000),
                fd: 5,
            }],
            _ => Vec::new(),
        };
        let view = SocketView {
            state,
            role: if client { Role::Client } else { Role::Server },
            opener: Some(owner(7, Attribution::Accept)),
            inode: None,
            halted: (who == 1 && client).then_some(Halt::Frozen),
            half: half.filter(|_| ended).map(Box::new),
            holders,
            queued: queued.map(Box::new),
            waiting,
            counters: Some(counters),
            ..view(1)
        };
        Scene { seconds, view }
    });
    prop::collection::vec(scene, 1..8).prop_map(in_order)
}

/// A connection does not go back, and ends once.
fn in_order(mut scenes: Vec<Scene>) -> Vec<Scene> {
    scenes.sort_by_key(|scene| match scene.view.state {
        TcpState::SynSent => 0,
        TcpState::Established => 1,
        TcpState::FinWait1 => 2,
        TcpState::FinWait2 => 3,
        TcpState::CloseWait => 4,
        TcpState::LastAck => 5,
        TcpState::Closed
        | TcpState::Listen
        | TcpState::SynReceived
        | TcpState::Closing
        | TcpState::TimeWait => 6,
    });
    let mut began = 1_000;
    let mut ended = None;
    for Scene { seconds, view } in &mut scenes {
        if let Some(half) = &mut view.half {
            let fin_at = *ended.get_or_insert(at(began + 100));
            half.fin_at = fin_at;
            half.eof_at = half.eof_at.map(|_| fin_at);
        }
        began += *seconds * 1_000;
    }
    scenes
}

/// What the evidence must show.
fn is_proven(finding: &Finding, role: Role) -> bool {
    let evidence = &finding.evidence;
    let state = evidence.state.unwrap();
    let half_closed = state == TcpState::CloseWait;
    let unread = evidence.unread_bytes.unwrap();
    let told = evidence.eof_delivered.is_some();
    let accepted = evidence.accepted == Some(true);
    let by_opener = finding.holders.iter().any(|h| h.process.id.pid == 7);
    match finding.verdict {
        Verdict::EofUnread => half_closed && unread > 0 && !told && accepted,
        Verdict::EofNotRequested => half_closed && unread == 0 && !told && accepted,
        Verdict::NotClosed => {
            half_closed && accepted && (told || evidence.missing.contains(&"eof"))
        }
        Verdict::NeverAccepted => !accepted && (half_closed || state == TcpState::Closed),
        Verdict::Inherited => half_closed && !by_opener && !finding.holders.is_empty(),
        Verdict::EofSpin => evidence.eof_deliveries > Some(100),
        Verdict::WriteAfterFin => evidence.written_bytes > Some(0) && role == Role::Client,
        Verdict::StalePooled => {
            let idle = evidence.unacked_bytes == Some(0) && !told;
            idle && role == Role::Client && finding.severity == Severity::Info
        }
        Verdict::DeadOpen => state == TcpState::Closed && !finding.holders.is_empty(),
        Verdict::NeverReads => {
            evidence.window_bytes == Some(0) && unread > 0 && !half_closed && accepted
        }
        Verdict::DeadPeer => {
            let again = evidence.retransmits >= Some(3) && evidence.unacked_bytes > Some(0);
            again || evidence.probes >= Some(3)
        }
        Verdict::PeerNotClosing => state == TcpState::FinWait2 && unread == 0,
        Verdict::TimeWaitPressure => false,
    }
}

/// Whether something excuses that it is kept.
fn is_excused(finding: &Finding) -> bool {
    let evidence = &finding.evidence;
    let kept = matches!(
        finding.verdict,
        Verdict::EofUnread | Verdict::EofNotRequested | Verdict::NotClosed | Verdict::Inherited
    );
    let served = evidence.peer.is_some_and(Peer::is_left);
    kept && (served || evidence.unacked_bytes > Some(0))
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_finding_is_without_its_proof_or_against_what_excuses(scenes in scenes()) {
        let mut world = World::scanning(Settings::default());
        let mut now = 1_000;
        for Scene { seconds, view } in scenes {
            now += seconds * 1_000;
            world.run(now, |_| vec![view.clone()]);
        }
        let mut open: Option<u64> = None;
        for event in &world.events {
            let Some((connection, finding)) = about_connection(event) else {
                continue;
            };
            match finding.action {
                Action::Opened => prop_assert_eq!(open.replace(finding.id), None, "two at once"),
                Action::Updated => prop_assert_eq!(open, Some(finding.id), "keeps its id"),
                Action::Resolved => {
                    prop_assert_eq!(open.take(), Some(finding.id));
                    prop_assert!(finding.opened < event.time, "in the same instant");
                    continue;
                }
            }
            prop_assert!(is_proven(finding, connection.role), "{finding:?}");
            prop_assert!(!is_excused(finding), "{finding:?}");
            let certain = finding.evidence.missing.is_empty();
            prop_assert_eq!(certain, finding.confidence == Confidence::Proven);
        }
    }
}
