//! Stacks of programs that belong to others: whatever is in their files, the daemon goes on.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
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
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
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

/// A process that maps files as if they were a program's code. The loader would refuse most of what is mapped here.
struct Mapper {
    child: Child,
    dir: tempfile::TempDir,
}

impl Mapper {
    const SCRIPT: &str = "import mmap,os,sys\nfor name in os.listdir('.'):\n \
         f=open(name); globals()[name]=mmap.mmap(f.fileno(), 1<<16, mmap.MAP_PRIVATE, mmap.PROT_READ|mmap.PROT_EXEC)\n\
         print(flush=True); sys.stdin.read()";

    fn start(all: &[(String, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (number, (_, bytes)) in all.iter().enumerate() {
            let file = dir.path().join(format!("program_{number}."));
            fs::write(&file, bytes).unwrap();
            // So long that the mapping is whole wherever it ends later.
            OpenOptions::new()
                .write(true)
                .open(&file)
                .unwrap()
                .set_len(1 << 16)
                .unwrap();
        }
        let mut child = Command::new("python3")
            .args(["-S", "-E", "-c", Self::SCRIPT])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let mapper = Self { child, dir };
        for (number, (_, bytes)) in all.iter().enumerate() {
            let file = OpenOptions::new()
                .write(true)
                .open(mapper.file(number))
                .unwrap();
            file.set_len(bytes.len() as u64).unwrap();
        }
        mapper
    }

    fn file(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("program_{number}."))
    }

    /// Where it has one of them.
    fn code(&self, number: usize) -> u64 {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).unwrap();
        let file = self.file(number);
        let line = maps
            .lines()
            .find(|line| line.ends_with(file.to_str().unwrap()));
        u64::from_str_radix(line.unwrap().split_once('-').unwrap().0, 16).unwrap()
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A number in a file's head or tables.
fn word(program: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(*program[at..].first_chunk().unwrap())).unwrap()
}

/// Where in its file the first function lies that has a name and a line.
fn function(program: &[u8]) -> u64 {
    let (table, count) = (word(program, 40), usize::from(program[60]));
    let mut rows = (0..count).map(|section| table + 64 * section);
    let text = rows.rfind(|row| word(program, row + 8) & 4 != 0).unwrap();
    word(program, text + 24) as u64
}

/// What somebody makes of a program who knows its format: counts and sizes without measure, tables and sections over each
/// other, references in circles, sections that end where they should go on.
fn worse(program: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (table, count) = (word(program, 40), usize::from(program[60]));
    let changed = |at: usize, bytes: &[u8]| {
        let mut all = program.to_vec();
        all[at..at + bytes.len()].copy_from_slice(bytes);
        all
    };
    let mut all = vec![
        ("as it is".to_owned(), program.to_vec()),
        (
            "sections without number".to_owned(),
            changed(60, &[0xff, 0xff]),
        ),
        (
            "segments without number".to_owned(),
            changed(56, &[0xff, 0xff]),
        ),
        ("a table of itself".to_owned(), changed(40, &[0; 8])),
    ];
    for section in 1..count {
        let row = table + 64 * section;
        let (start, size) = (word(program, row + 24), word(program, row + 32));
        for (what, at, bytes) in [
            ("has no end", row + 32, [0xff; 8]),
            ("is 256 MiB", row + 32, [0, 0, 0, 0x10, 0, 0, 0, 0]),
            ("is the whole file", row + 24, [0; 8]),
        ] {
            all.push((format!("section {section} {what}"), changed(at, &bytes)));
        }
        // Its own bytes: all alike, so that what refers to something refers to itself or to what stands before it.
        for byte in [0x00, 0x01, 0x7f, 0xff] {
            if size > 0 && start + size <= table {
                let what = format!("section {section} of {byte:#x}");
                all.push((what, changed(start, &vec![byte; size])));
            }
        }
    }
    for parts in 1..8 {
        let cut = program[..program.len() * parts / 8].to_vec();
        all.push((format!("cut after {parts} eighths"), cut));
    }
    all
}

/// The daemon lives, in bounded time and memory; what a reader has died of costs that answer, and there is a reason in the
/// place of each name.
#[tokio::test]
async fn programs_that_mean_no_good_are_answered_with_a_reason() {
    let _alone = alone().await;
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/program");
    let before = resident();
    let (mut all, mut deaths, mut named, mut longest) = (0, 0, 0, Duration::ZERO);
    for seed in ["debug", "compressed"] {
        let program = fs::read(seeds.join(seed)).unwrap();
        let function = function(&program);
        let programs = worse(&program);
        let mapper = Mapper::start(&programs);
        let process = finback::process::id(mapper.child.id()).unwrap();
        for (number, (what, _)) in programs.iter().enumerate() {
            let mut stacks = start();
            let begun = Instant::now();
            let ip = mapper.code(number) + function;
            let stack = unwound(&mut stacks, taken(process, 1, ip)).await;
            assert_eq!(
                stack.frames.is_empty(),
                stack.absence.is_some(),
                "{seed}: {what}"
            );
            if number == 0 {
                assert!(names(&stack).contains(&"work"), "{seed}: {stack:?}");
            }
            named += usize::from(!names(&stack).is_empty());
            longest = longest.max(begun.elapsed());
            deaths += stacks.statistics().failures.load(Ordering::Relaxed);
            all += 1;
        }
    }
    let grown = resident().saturating_sub(before);
    println!(
        "{all} programs, {named} named, {deaths} readers died, {longest:?} at most, {grown} KiB more"
    );
    assert!(longest < Duration::from_secs(25), "{longest:?}");
    assert!(grown < 64 << 10, "{grown} KiB");
}

/// Memory of this process, KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.unwrap().split_whitespace().next();
    words.unwrap().parse().unwrap()
}

/// Offsets are taken from the whole file, from its head and from its end, where its tables are.
fn damage() -> impl Strategy<Value = Vec<(u8, u32, u8)>> {
    prop::collection::vec((0..3_u8, any::<u32>(), any::<u8>()), 1..64)
}

/// Each case starts a program and a reader. Seeds that failed are kept beside this file.
fn few() -> ProptestConfig {
    let seeds = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: 48,
        failure_persistence: Some(Box::new(seeds)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(few())]

    /// The process itself does not notice: it sleeps in the kernel.
    #[test]
    fn a_damaged_file_harms_no_daemon(damage in damage(), cut in prop::option::of(any::<u32>())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _alone = alone().await;
            let sleeper = Sleeper::start();
            let file = sleeper.library();
            let length = file.metadata().unwrap().len();
            for (place, offset, byte) in damage {
                let offset = match place {
                    0 => u64::from(offset) % length,
                    1 => u64::from(offset) % 1024,
                    _ => length - 1 - u64::from(offset) % 4096,
                };
                file.write_at(&[byte], offset).unwrap();
            }
            if let Some(cut) = cut {
                file.set_len(u64::from(cut) % length).unwrap();
            }
            let mut stacks = start();
            let ip = sleeper.code() + 0x1_0000;
            let opening = unwound(&mut stacks, taken(sleeper.id(), 1, ip)).await;
            assert_eq!(opening.frames.is_empty(), opening.absence.is_some());
            current(&mut stacks, sleeper.id(), 2).await;
        });
    }
}
