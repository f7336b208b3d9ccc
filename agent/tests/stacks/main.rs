//! Stacks of programs that belong to others: whatever is in their files, the daemon goes on.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod broken;
mod damaged;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use finback::kernel::record::stack::RawStack;
use finback::process::stack::model::{Absence, Name, Stack};
use finback::process::stack::{Request, Stacks, reader};
use finback_common::record::Registers;
use finback_common::socket::source;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{Mutex, MutexGuard};

/// Tests look for the readers that this process has started: one test at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// A program that sleeps, of its own: with a copy of the loader and of the C library.
struct Sleeper {
    child: Child,
    library: PathBuf,
    _dir: tempfile::TempDir,
}

impl Sleeper {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mapped = |name: &str| {
            let line = maps.lines().find(|line| line.contains(name)).unwrap();
            PathBuf::from(line.split_whitespace().nth(5).unwrap())
        };
        let library = dir.path().join("libc.so.6");
        fs::copy(mapped("/libc.so.6"), &library).unwrap();
        let loader = dir.path().join("loader");
        fs::copy(mapped("/ld-linux"), &loader).unwrap();
        let child = Command::new(loader)
            .arg("--library-path")
            .arg(dir.path())
            .args(["/bin/sleep", "60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let sleeps = format!("/proc/{}/syscall", child.id());
        let sleep = libc::SYS_clock_nanosleep.to_string();
        wait_until(|| fs::read_to_string(&sleeps).unwrap().starts_with(&sleep));
        Self {
            child,
            library,
            _dir: dir,
        }
    }

    fn id(&self) -> ProcessId {
        let pid = self.child.id();
        let process = procfs::process::Process::new(i32::try_from(pid).unwrap()).unwrap();
        let ticks = process.stat().unwrap().starttime;
        ProcessId {
            pid,
            start: Timestamp::from_nanos(ticks * 10_000_000),
        }
    }

    /// Where the code of its C library lies.
    fn code(&self) -> u64 {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).unwrap();
        let name = self.library.to_str().unwrap();
        let mut lines = maps.lines();
        let line = lines.find(|line| line.contains(name) && line.contains(" r-xp "));
        let (start, _) = line.unwrap().split_once('-').unwrap();
        u64::from_str_radix(start, 16).unwrap()
    }

    fn library(&self) -> fs::File {
        OpenOptions::new().write(true).open(&self.library).unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The stack of a thread that stands at `ip`, as the kernel hands it over.
fn taken(process: ProcessId, number: u64, ip: u64) -> RawStack {
    RawStack {
        sock: number,
        time: Timestamp::default(),
        process,
        exec_id: 1,
        thread: process.pid,
        thread_name: "sleep".into(),
        source: source::CONNECT,
        registers: Registers {
            ip,
            sp: 0x1000,
            ..Registers::default()
        },
        bytes: vec![0; 64].into(),
    }
}

/// What comes of a stack from the kernel.
async fn unwound(stacks: &mut Stacks, stack: RawStack) -> Stack {
    let sock = stack.sock;
    stacks.taken(vec![stack]);
    let request = Request {
        id: sock,
        sock: Some(sock),
        processes: Vec::new(),
        first: Vec::new(),
        now: Timestamp::default(),
    };
    one(stacks, request).await
}

/// The stack of a process's only thread as it is now.
async fn current(stacks: &mut Stacks, process: ProcessId, second: u64) -> Stack {
    let request = Request {
        id: second,
        sock: None,
        processes: vec![(process, Vec::new())],
        first: Vec::new(),
        now: Timestamp::from_nanos(second * 2_000_000_000),
    };
    one(stacks, request).await
}

async fn one(stacks: &mut Stacks, request: Request) -> Stack {
    assert!(stacks.ask(request));
    let answer = stacks.answer().await;
    let [stack] = &answer.stacks[..] else {
        panic!("{answer:?}");
    };
    stack.clone()
}

fn start() -> Stacks {
    Stacks::spawn_with(Path::new(env!("CARGO_BIN_EXE_finback"))).unwrap()
}

/// The readers of this process.
fn readers() -> Vec<u32> {
    let own = std::process::id().cast_signed();
    let all = procfs::process::all_processes().unwrap().flatten();
    let children = all.filter(|process| process.stat().is_ok_and(|stat| stat.ppid == own));
    let readers = children.filter(|process| {
        let words = process.cmdline().unwrap_or_default();
        words.get(1).is_some_and(|word| word == reader::COMMAND)
    });
    readers.map(|reader| reader.pid.cast_unsigned()).collect()
}

fn names(stack: &Stack) -> Vec<&str> {
    let frames = stack.frames.iter();
    let names = frames.filter_map(|frame| match &frame.name {
        Name::Known(place) => Some(&*place.function),
        Name::Unknown(_) => None,
    });
    names.collect()
}

/// A mapping of the file would be gone, and with it whoever reads there.
#[tokio::test]
async fn a_file_that_is_cut_while_it_runs_harms_nobody() {
    let _alone = alone().await;
    let mut stacks = start();
    let sleeper = Sleeper::start();
    let code = sleeper.code() + 0x1_0000;
    for number in 0..64 {
        let stack = taken(sleeper.id(), number, code + 0x40 * number);
        let stack = unwound(&mut stacks, stack).await;
        assert_eq!(stack.frames[0].module.as_deref(), sleeper.library.to_str());
        if number == 0 {
            sleeper.library().set_len(4096).unwrap();
        }
    }
    let whole = current(&mut stacks, sleeper.id(), 1).await;
    assert_eq!(whole.absence, None);
    assert_eq!(
        names(&whole),
        [""; 0],
        "there is nothing left to name it by"
    );
    assert_eq!(stacks.statistics().failures.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_reader_that_dies_is_replaced_and_only_its_work_is_lost() {
    let _alone = alone().await;
    let mut stacks = start();
    let sleeper = Sleeper::start();
    for (round, signal) in [Signal::KILL, Signal::ABORT, Signal::XCPU]
        .into_iter()
        .enumerate()
    {
        let mut second = 100 * (1 + round as u64);
        let before = current(&mut stacks, sleeper.id(), second).await;
        assert!(
            names(&before).iter().any(|name| name.contains("nanosleep")),
            "{before:?}"
        );
        for reader in readers() {
            let reader = Pid::from_raw(reader.cast_signed()).unwrap();
            kill_process(reader, signal).unwrap();
        }
        // Another program each time: one that two readers have died of is left alone.
        let victim = Sleeper::start();
        let lost = current(&mut stacks, victim.id(), second + 1).await;
        assert_eq!(lost.absence, Some(Absence::Unreadable), "{lost:?}");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            second += 2;
            let after = current(&mut stacks, sleeper.id(), second).await;
            if after.frames == before.frames {
                break;
            }
            assert!(Instant::now() < deadline, "{after:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(stacks.statistics().failures.load(Ordering::Relaxed) >= 3);
}

#[tokio::test]
async fn a_reader_has_no_rights() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has rights to give up, and may look into a reader");
        return;
    }
    let _alone = alone().await;
    let mut stacks = start();
    let sleeper = Sleeper::start();
    current(&mut stacks, sleeper.id(), 1).await;
    let readers = readers();
    assert_eq!(readers.len(), 2, "one unwinds, one names");
    for reader in readers {
        let status = fs::read_to_string(format!("/proc/{reader}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let line = line.and_then(|line| line.strip_prefix(':')).unwrap();
            line.split_whitespace().collect::<Vec<_>>()
        };
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(set), ["0000000000000000"], "{set}");
        }
        assert_eq!(field("Uid"), ["65534"; 4]);
        assert_eq!(field("Gid"), ["65534"; 4]);
        assert!(field("Groups").is_empty());
        assert_eq!(field("NoNewPrivs"), ["1"]);
        assert_eq!(field("Seccomp"), ["2"]);
        assert_eq!(field("Threads"), ["1"]);
        let limits = procfs::process::Process::new(reader.cast_signed())
            .unwrap()
            .limits()
            .unwrap();
        let soft = |limit: procfs::process::Limit| match limit.soft_limit {
            procfs::process::LimitValue::Value(value) => value,
            procfs::process::LimitValue::Unlimited => u64::MAX,
        };
        assert_eq!(
            (soft(limits.max_core_file_size), soft(limits.max_processes)),
            (0, 0)
        );
        assert!(soft(limits.max_address_space) <= 1 << 30);
        assert!(soft(limits.max_open_files) <= 64 && soft(limits.max_cpu_time) <= 120);
        // Standard input, output and error, the socket, copies of symbols, and the host's own debug information.
        for file in fs::read_dir(format!("/proc/{reader}/fd")).unwrap() {
            let file = fs::read_link(file.unwrap().path()).unwrap();
            let file = file.to_str().unwrap();
            let expected = ["socket:", "/dev/null", "/memfd:symbols", "/usr/lib/debug/"];
            assert!(
                expected.iter().any(|start| file.starts_with(start)),
                "{file}"
            );
        }
    }
    drop(stacks);
}
