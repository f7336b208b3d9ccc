use super::*;
use crate::model::process::Descriptors;
use crate::model::socket::ProcessId;

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos((10_000 + seconds) * 1_000_000_000)
}

/// So many of each standing since moment 0, judged so many seconds later.
fn judged(
    standings: &[(Standing, u32)],
    seconds: u64,
    edit: impl FnOnce(&mut Picture<'_>),
) -> (Severity, Option<Reason>) {
    let (mut ages, settings) = (Ages::default(), IncidentSettings::default());
    for &(standing, count) in standings {
        for _ in 0..count {
            ages.add(at(0), standing);
        }
    }
    let mut picture = Picture {
        settings: &settings,
        now: at(seconds),
        ages: &ages,
        open: None,
        rising: false,
        descriptors: None,
        never_accepted: false,
        queue: QueueState::default(),
        spinning: None,
        losing: false,
        halted: false,
        told: None,
    };
    edit(&mut picture);
    judge(&picture)
}

const INFO: (Severity, Option<Reason>) = (Severity::Info, None);

const fn warning(reason: Reason) -> (Severity, Option<Reason>) {
    (Severity::Warning, Some(reason))
}

const fn critical(reason: Reason) -> (Severity, Option<Reason>) {
    (Severity::Critical, Some(reason))
}

#[test]
fn a_crowd_is_ten_that_are_old_enough_for_what_is_known_of_their_peers() {
    for (standing, seconds) in [
        (Standing::Certain, 60),
        (Standing::PeerGone, 60),
        (Standing::Open, 300),
    ] {
        let judged = |count, seconds| judged(&[(standing, count)], seconds, |_| {});
        assert_eq!(judged(10, seconds - 2), INFO, "{standing:?}");
        assert_eq!(judged(9, seconds), INFO, "{standing:?}");
        assert_eq!(judged(10, seconds), warning(Reason::Crowd), "{standing:?}");
    }
    let day = 86_400;
    assert_eq!(judged(&[(Standing::Pool, 1_000)], day, |_| {}), INFO);
}

#[test]
fn a_crowd_is_also_one_percent_of_the_connections() {
    let among = |open| judged(&[(Standing::Open, 12)], 300, |p| p.open = Some(open));
    assert_eq!(among(1_200), warning(Reason::Crowd));
    assert_eq!(among(1_201), INFO);
}

#[test]
fn silent_clients_are_a_crowd_if_they_are_half_of_all() {
    let among = |open| judged(&[(Standing::Silent, 12)], 300, |p| p.open = Some(open));
    assert_eq!(among(24), warning(Reason::Crowd));
    assert_eq!(among(25), INFO);
}

#[test]
fn age_alone_counts_where_it_cannot_be_work_or_nobody_waits_for_it() {
    let judged = |standing, seconds| judged(&[(standing, 1)], seconds, |_| {});
    assert_eq!(judged(Standing::Certain, 298), INFO);
    assert_eq!(judged(Standing::Certain, 300), warning(Reason::Age));
    assert_eq!(judged(Standing::PeerGone, 898), INFO);
    assert_eq!(judged(Standing::PeerGone, 900), warning(Reason::Age));
    for standing in [Standing::Open, Standing::Silent, Standing::Pool] {
        assert_eq!(judged(standing, 86_400), INFO, "{standing:?}");
    }
}

fn share(open: u64, limit: u64, ours: u64) -> Share {
    Share {
        usage: DescriptorUse {
            process: ProcessId {
                pid: 7,
                start: at(0),
            },
            descriptors: Descriptors { open, limit },
            full_in: None,
        },
        ours,
        full: 0,
    }
}

#[test]
fn descriptors_count_if_a_good_part_of_them_is_the_incident_s() {
    let with = |share| judged(&[], 1, |picture| picture.descriptors = Some(share));
    assert_eq!(with(share(800, 1_000, 160)), warning(Reason::Descriptors));
    assert_eq!(with(share(799, 1_000, 799)), INFO);
    assert_eq!(with(share(800, 1_000, 159)), INFO);
    let unaccepted = judged(&[], 1, |picture| {
        picture.descriptors = Some(share(800, 1_000, 0));
        picture.never_accepted = true;
    });
    assert_eq!(unaccepted, warning(Reason::Descriptors));
    let nearly_all = |full| {
        with(Share {
            full,
            ..share(990, 1_000, 500)
        })
    };
    assert_eq!(nearly_all(1), warning(Reason::Descriptors));
    assert_eq!(nearly_all(2), critical(Reason::Descriptors));
    let full_in = |minutes| {
        let mut share = share(500, 1_000, 400);
        share.usage.full_in = Some(Duration::from_mins(minutes));
        with(share)
    };
    assert_eq!(full_in(15), INFO);
    assert_eq!(full_in(14), critical(Reason::Descriptors));
}

#[test]
fn a_queue_that_does_not_move_is_a_warning_and_a_full_one_critical() {
    let with = |stuck, crowded, blocked| {
        judged(&[], 1, |picture| {
            let [stuck, crowded, blocked] = [stuck, crowded, blocked].map(Duration::from_secs);
            picture.queue = QueueState {
                stuck,
                crowded,
                blocked,
            };
        })
    };
    assert_eq!(with(59, 29, 29), INFO);
    assert_eq!(with(60, 0, 0), warning(Reason::Queue));
    assert_eq!(with(0, 30, 0), warning(Reason::Queue));
    assert_eq!(with(0, 0, 30), critical(Reason::Queue));
}

#[test]
fn a_spin_a_rise_lost_requests_and_what_is_configured_are_reasons() {
    let spin = |seconds| judged(&[], seconds, |p| p.spinning = Some(at(0)));
    assert_eq!(spin(9), INFO);
    assert_eq!(spin(10), warning(Reason::Spin));
    assert_eq!(judged(&[], 1, |p| p.rising = true), warning(Reason::Rising));
    let lost = judged(&[], 1, |p| p.losing = true);
    assert_eq!(lost, warning(Reason::LostRequests));
    let told = |severity, rising| {
        judged(&[], 1, |picture| {
            picture.told = Some((severity, Reason::Configured));
            picture.rising = rising;
        })
    };
    assert_eq!(told(Severity::Info, false), INFO);
    assert_eq!(told(Severity::Warning, true), warning(Reason::Rising));
    assert_eq!(told(Severity::Critical, true), critical(Reason::Configured));
}

#[test]
fn a_level_rises_at_once_and_falls_after_ten_minutes_below_it() {
    let mut levels = Levels::default();
    let mut hold = |seconds, now| levels.hold(now, Duration::from_mins(10), at(seconds));
    assert_eq!(hold(0, INFO), INFO);
    assert_eq!(hold(1, critical(Reason::Queue)), critical(Reason::Queue));
    assert_eq!(hold(300, warning(Reason::Crowd)), critical(Reason::Queue));
    assert_eq!(hold(601, INFO), warning(Reason::Crowd));
    assert_eq!(hold(899, INFO), warning(Reason::Crowd));
    assert_eq!(hold(900, INFO), INFO);
    assert!(levels.have_warned());
}
