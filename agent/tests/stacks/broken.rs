//! Programs whose files somebody has made who knows the format.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{alone, names, start, taken, unwound};

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
