//! The kernel side on the kernel that runs the test: loads everything, proves the hooks, looks at real sockets.
//!
//! Needs root.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::use_debug,
    reason = "a test that cannot go on fails; what it prints is shown when it does"
)]

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use finback::kernel::report::{HookStatus, Means, SnapshotReport};
use finback::kernel::{Attach, Kernel, KernelError, Options, diag, netns};
use finback_common::hook::{Flavour, Signal};
use finback_core::model::observation::{Minisock, Observation, Snapshot, SocketView, What};
use finback_core::model::socket::Holder;
use finback_core::model::state::TcpState;

/// The host can be busy; records are due within 50 ms.
const SOON: Duration = Duration::from_secs(5);

fn load(attach: Attach) -> Kernel {
    let options = Options {
        attach,
        ..Options::default()
    };
    Kernel::load(&options)
        .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

fn pair(address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (listener, client, server)
}

fn find(snapshot: &Snapshot, local: SocketAddr, peer: SocketAddr) -> &SocketView {
    let is_it = |view: &&SocketView| view.endpoints.local == local && view.endpoints.peer == peer;
    let found = snapshot.sockets.iter().find(is_it);
    found.unwrap_or_else(|| {
        panic!(
            "{local} - {peer} is not among {} sockets",
            snapshot.sockets.len()
        )
    })
}

fn holds(holders: &[Holder], fd: i32) -> bool {
    let me = (std::process::id(), fd.cast_unsigned());
    holders
        .iter()
        .any(|holder| (holder.process.id.pid, holder.fd) == me)
}

#[test]
fn the_forced_tracepoint_flavour_gives_every_signal_that_this_kernel_has() {
    let kernel = load(Attach::Forced(Flavour::Tracepoint));
    let report = kernel.report();
    println!("{}", serde_json::to_string_pretty(report).unwrap());
    assert_eq!(report.unproven, None);
    let means = |signal| &report.signal(signal).unwrap().means;
    let by_tracepoint = Means::Hooks {
        flavour: Flavour::Tracepoint,
    };
    for signal in [Signal::State, Signal::Segment, Signal::Gone] {
        assert_eq!(*means(signal), by_tracepoint);
    }
    for signal in [Signal::Open, Signal::Shutdown, Signal::Close] {
        assert_eq!(*means(signal), Means::ThroughState);
    }
    assert_eq!(*means(Signal::TimeWait), Means::Sweep);
    assert_eq!(*means(Signal::Accept), Means::IteratorAndFirstUse);
    assert_eq!(report.snapshot, SnapshotReport::Iterator);
    for row in report
        .signals
        .iter()
        .filter(|row| row.is_available())
        .flat_map(|row| &row.hooks)
    {
        assert_eq!(row.status, HookStatus::Firing, "{row:?}");
        assert!(row.hits > 0, "{row:?}");
    }
}

#[test]
fn auto_finds_a_way_for_every_signal() {
    let start = Instant::now();
    let kernel = load(Attach::Auto);
    println!("loaded in {:?}", start.elapsed());
    for row in &kernel.report().signals {
        println!("{:9} {}", row.signal.name(), row.means.name());
        for hook in &row.hooks {
            println!("  {:30} {:?}", hook.program, hook.status);
        }
        assert!(row.is_available(), "{row:?}");
    }
}

/// Every signal by hooks of this flavour, all firing; or a refusal in the kernel's own words.
fn forced_flavour_gives_every_signal(flavour: Flavour, refusal: &str) {
    let options = Options {
        attach: Attach::Forced(flavour),
        ..Options::default()
    };
    let kernel = match Kernel::load(&options) {
        Ok(kernel) => kernel,
        Err(KernelError::NoSignal { signal, reasons }) => {
            assert_eq!(signal, Signal::State);
            assert!(reasons.contains(refusal), "{reasons}");
            println!("{}: {reasons}", flavour.name());
            return;
        }
        Err(error) => panic!("{error}"),
    };
    for row in &kernel.report().signals {
        println!("{:9} {}", row.signal.name(), row.means.name());
        for hook in &row.hooks {
            println!("  {:30} {:?} {}", hook.program, hook.status, hook.hits);
        }
    }
    for row in &kernel.report().signals {
        let flavour = if row.signal == Signal::Gone {
            Flavour::Tracepoint
        } else {
            flavour
        };
        assert_eq!(row.means, Means::Hooks { flavour }, "{row:?}");
        for hook in row.hooks.iter().filter(|hook| hook.required) {
            assert_eq!(hook.status, HookStatus::Firing, "{hook:?}");
        }
    }
}

#[test]
fn the_forced_kprobe_flavour_gives_every_signal_or_the_kernel_has_no_kprobes() {
    let refusal = "/sys/bus/event_source/devices/kprobe/type";
    forced_flavour_gives_every_signal(Flavour::Kprobe, refusal);
}

#[test]
fn the_forced_fentry_flavour_gives_every_signal_or_the_kernel_forbids_it() {
    forced_flavour_gives_every_signal(Flavour::Fentry, "Operation not permitted");
}

#[test]
fn segment_can_be_left_out() {
    let options = Options {
        segment: false,
        ..Options::default()
    };
    let kernel = Kernel::load(&options).unwrap();
    let row = kernel.report().signal(Signal::Segment).unwrap();
    assert_eq!((&row.means, row.hooks.len()), (&Means::Off, 0));
}

#[tokio::test]
async fn records_of_a_half_close_arrive_and_name_the_process() {
    let mut kernel = load(Attach::Auto);
    let mut seen: Vec<Observation> = Vec::new();
    // Idle so long that the reader sleeps on the descriptor.
    let idle = Instant::now();
    while idle.elapsed() < Duration::from_millis(300) {
        drop(tokio::time::timeout(Duration::from_millis(50), kernel.next_batch(&mut seen)).await);
    }
    seen.clear();
    let (_listener, client, server) = pair("127.0.0.1:0");
    client.shutdown(Shutdown::Write).unwrap();
    let start = Instant::now();
    let local = server.local_addr().unwrap();
    let close_wait = |observation: &Observation| {
        matches!(&observation.what, What::State(change)
            if change.endpoints.local == local && change.to == TcpState::CloseWait)
    };
    while !seen.iter().any(close_wait) {
        assert!(start.elapsed() < SOON, "{seen:#?}");
        drop(tokio::time::timeout(SOON, kernel.next_batch(&mut seen)).await);
    }
    println!("the FIN was seen after {:?}", start.elapsed());
    let key = seen
        .iter()
        .find(|observation| close_wait(observation))
        .unwrap()
        .key;
    let states = seen.iter().filter(|observation| observation.key == key);
    let states: Vec<_> = states
        .filter_map(|observation| {
            let What::State(change) = &observation.what else {
                return None;
            };
            Some(change.to)
        })
        .collect();
    assert!(
        states.ends_with(&[TcpState::Established, TcpState::CloseWait]),
        "{states:?}"
    );
    let me = std::process::id();
    let connected = |observation: &Observation| matches!(&observation.what, What::Owner { owner, .. } if owner.process.id.pid == me);
    let connected = seen.iter().any(connected);
    assert!(
        connected,
        "the process that connected is not named: {seen:#?}"
    );
    assert_eq!(kernel.losses(), []);
}

#[test]
fn what_the_proof_did_is_not_passed_on() {
    // Its connections are made in this namespace, in which nothing else happens.
    let (seen, here) = in_new_namespace(|| {
        let mut kernel = load(Attach::Auto);
        let mut seen = Vec::new();
        kernel.drain(&mut seen);
        (seen, netns::own().unwrap())
    });
    let ours = |observation: &&Observation| match &observation.what {
        What::State(change) => change.endpoints.netns == here,
        What::Owner { endpoints, .. }
        | What::TimeWaitEntered { endpoints, .. }
        | What::TimeWaitLeft { endpoints } => endpoints.netns == here,
        What::Eof { .. } | What::Write { .. } | What::Segment { .. } | What::Gone => false,
    };
    let ours: Vec<_> = seen.iter().filter(ours).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn a_socket_older_than_the_agent_is_found_with_its_holder_and_numbers() {
    let (_listener, mut client, server) = pair("127.0.0.1:0");
    client.write_all(b"abc").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let link = std::fs::read_link(format!("/proc/self/fd/{}", server.as_raw_fd())).unwrap();
    let mut kernel = load(Attach::Auto);
    for snapshot in [
        kernel.snapshot().unwrap(),
        kernel.snapshot_from_proc().unwrap(),
    ] {
        let view = find(
            &snapshot,
            server.local_addr().unwrap(),
            server.peer_addr().unwrap(),
        );
        assert!(holds(&view.holders, server.as_raw_fd()), "{view:?}");
        assert_eq!(view.state, TcpState::CloseWait);
        // Three bytes and the FIN.
        assert_eq!(view.counters.unwrap().unread, 4, "{view:?}");
        assert_eq!(
            link.to_string_lossy(),
            format!("socket:[{}]", view.inode.unwrap())
        );
        assert!(snapshot.sockets.is_sorted_by_key(|socket| socket.key));
    }
}

#[test]
fn a_connection_in_the_accept_queue_names_the_listener() {
    let mut kernel = load(Attach::Auto);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    for snapshot in [
        kernel.snapshot().unwrap(),
        kernel.snapshot_from_proc().unwrap(),
    ] {
        let view = find(
            &snapshot,
            client.peer_addr().unwrap(),
            client.local_addr().unwrap(),
        );
        let queued = view.queued.as_ref().unwrap();
        assert!(holds(&queued.listeners, listener.as_raw_fd()), "{view:?}");
        assert!(view.holders.is_empty(), "{view:?}");
    }
}

#[test]
fn iterator_and_proc_find_the_same_holders() {
    let open: Vec<_> = (0..20).map(|_| pair("127.0.0.1:0")).collect();
    let mut kernel = load(Attach::Auto);
    let me = std::process::id();
    let held = |snapshot: &Snapshot| {
        let sockets = snapshot.sockets.iter();
        let holders = sockets.flat_map(|socket| {
            socket
                .holders
                .iter()
                .map(move |holder| (socket.inode, holder))
        });
        let mine = holders.filter(|(_, holder)| holder.process.id.pid == me);
        let mut held: Vec<_> = mine
            .map(|(inode, holder)| (inode.unwrap(), holder.fd))
            .collect();
        held.sort_unstable();
        held
    };
    // Other tests of this process open and close sockets meanwhile: at some moment both must see the same.
    let start = Instant::now();
    loop {
        let by_iterator = held(&kernel.snapshot().unwrap());
        let by_proc = held(&kernel.snapshot_from_proc().unwrap());
        assert!(by_iterator.len() >= 3 * open.len(), "{by_iterator:?}");
        if by_iterator == by_proc {
            break;
        }
        assert!(start.elapsed() < SOON, "{by_iterator:?}\n{by_proc:?}");
    }
}

/// A network namespace of its own with the loopback device up, for the length of `work` in a thread.
fn in_new_namespace<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let visit = scope.spawn(|| {
            // SAFETY: only this thread moves, and only to another network namespace: no memory is involved.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
                .unwrap();
            let up = Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status()
                .unwrap();
            assert!(up.success());
            work()
        });
        visit.join().unwrap()
    })
}

#[test]
fn a_socket_in_another_network_namespace_is_found_with_its_holder() {
    let mut kernel = load(Attach::Auto);
    let (inside, (_listener, client, server)) =
        in_new_namespace(|| (netns::own().unwrap(), pair("127.0.0.1:0")));
    client.shutdown(Shutdown::Write).unwrap();
    assert_ne!(inside, netns::own().unwrap());
    let snapshot = kernel.snapshot().unwrap();
    let (local, peer) = (server.local_addr().unwrap(), server.peer_addr().unwrap());
    let is_it = |view: &&SocketView| {
        (
            view.endpoints.local,
            view.endpoints.peer,
            view.endpoints.netns,
        ) == (local, peer, inside)
    };
    let view = snapshot.sockets.iter().find(is_it).unwrap();
    assert!(holds(&view.holders, server.as_raw_fd()), "{view:?}");
    assert_eq!(view.state, TcpState::CloseWait);
}

/// The minisocks of the namespace this thread lives in. `/proc` shows the namespaces of processes only, so one is
/// started in it.
fn minisocks_here() -> Vec<Minisock> {
    let mut inside = Command::new("sleep").arg("60").spawn().unwrap();
    let here = netns::own().unwrap();
    let found = diag::minisocks(&[here]);
    inside.kill().unwrap();
    inside.wait().unwrap();
    let (minisocks, failures) = found.unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    minisocks
}

#[test]
fn minisocks_of_another_network_namespace_are_listed() {
    let (minisocks, local) = in_new_namespace(|| {
        let (_listener, client, server) = pair("127.0.0.1:0");
        let local = client.local_addr().unwrap();
        drop(client);
        drop(server);
        (minisocks_here(), local)
    });
    let [minisock] = &minisocks[..] else {
        panic!("{minisocks:?}")
    };
    assert_eq!(minisock.endpoints.local, local);
}

#[test]
fn the_proof_leaves_no_minisock_behind() {
    let minisocks = in_new_namespace(|| {
        drop(load(Attach::Auto));
        minisocks_here()
    });
    assert_eq!(minisocks, []);
}

/// `cargo test --release --test kernel -- --ignored --nocapture --test-threads=1`
#[test]
#[ignore = "measurements: mean something only in a release build on an idle machine"]
fn start_memory_and_snapshots() {
    const PAIRS: usize = 4_500;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let lines = status
            .lines()
            .filter(|line| line.contains("Rss") || line.contains("VmHWM"));
        lines
            .map(|line| line.replace('\t', ""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    println!("before: {}", resident());
    for _ in 0..3 {
        let start = Instant::now();
        let kernel = load(Attach::Auto);
        println!("load: {:?}, {}", start.elapsed(), resident());
        let start = Instant::now();
        drop(kernel);
        println!("drop: {:?}, {}", start.elapsed(), resident());
    }
    let mut kernel = load(Attach::Auto);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = |_| {
        (
            TcpStream::connect(address).unwrap(),
            listener.accept().unwrap(),
        )
    };
    let open: Vec<_> = (0..PAIRS).map(connect).collect();
    for _ in 0..3 {
        let snapshot = kernel.snapshot().unwrap();
        println!(
            "{} sockets by iterator: {:?}",
            snapshot.sockets.len(),
            snapshot.took
        );
        drop(snapshot);
    }
    println!("after snapshots: {}", resident());
    let snapshot = kernel.snapshot_from_proc().unwrap();
    println!(
        "{} sockets by /proc: {:?}",
        snapshot.sockets.len(),
        snapshot.took
    );
    assert!(snapshot.sockets.len() > 2 * PAIRS);
    let mut seen = Vec::new();
    kernel.drain(&mut seen);
    println!(
        "{} records of {} connections; lost: {:?}",
        seen.len(),
        open.len(),
        kernel.losses()
    );
}
