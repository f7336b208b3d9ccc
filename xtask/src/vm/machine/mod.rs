//! Boots one guest in QEMU and follows it to its end.

pub(crate) mod accel;
pub(crate) mod guest;
pub(crate) mod protocol;
pub(crate) mod score;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::vm::debian::{arch::Arch, tools::Tools};

use self::protocol::{Event, Reader};

/// All that can be emulated but "fast" string instructions: kernel and libc would copy and clear by the byte with them,
/// and each byte is emulated on its own. Without them a guest's work takes two thirds of the time.
const EMULATED: &str = "max,-erms,-fsrm";
/// All that can be emulated, with signatures of addresses that are quick to make instead of the architecture's.
const EMULATED_ARM64: &str = "max,pauth-impdef=on";
/// Where the kernel's log goes on each kind of machine.
const LOG: &str = "console=ttyS0 tsc=reliable";
const LOG_ARM64: &str = "console=ttyAMA0";
/// How long a guest may take to power off after its last word.
const POWER_OFF: Duration = Duration::from_secs(5);
/// After so long without a line that is told, and again after as long.
const SILENCE: Duration = Duration::from_mins(1);
/// How often it is looked at.
const TICK: Duration = Duration::from_secs(5);
/// No kernel says so much that is not the same all over again.
const CONSOLE_MAX: u64 = 32 << 20;

/// How the guest's processor is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accel {
    Kvm,
    /// Emulated by QEMU.
    Tcg,
    /// Emulated, with a clock that counts instructions and skips idle time: sleeping costs no
    /// time, and measurements repeat.
    VirtualTime,
}

/// One virtual machine.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) image: &'a Path,
    pub(crate) initramfs: &'a Path,
    /// The kernel's log goes here.
    pub(crate) console: &'a Path,
    pub(crate) accel: Accel,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u32,
    pub(crate) timeout: Duration,
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All steps ran.
    Done,
    /// Killed when its time was over.
    TimedOut,
    /// Gone before its last word: a panic, or QEMU itself failed.
    Died,
    /// Killed when its kernel's log had become too long.
    TooLoud,
}

impl Machine<'_> {
    /// Boots and hands each event to `see`.
    pub(crate) fn run(&self, mut see: impl FnMut(&Event<'_>)) -> Result<End> {
        fs::write(self.console, "")?;
        let mut qemu = self.command()?.spawn().context("cannot start QEMU")?;
        let lines = lines_of(&mut qemu);
        let end = self.follow(&lines, &mut see);
        if end == End::Done {
            // The line closes when QEMU ends; what it still says is of no interest.
            let limit = Instant::now() + POWER_OFF;
            while lines
                .recv_timeout(limit.saturating_duration_since(Instant::now()))
                .is_ok()
            {}
        }
        // Fails only if it has ended by itself.
        drop(qemu.kill());
        qemu.wait()?;
        Ok(end)
    }

    /// Until it has said its last word or must be killed.
    fn follow(&self, lines: &Receiver<String>, see: &mut impl FnMut(&Event<'_>)) -> End {
        let deadline = Instant::now() + self.timeout;
        let mut reader = Reader::default();
        let mut heard = Instant::now();
        let mut told = SILENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left.min(TICK)) {
                Ok(line) => {
                    let event = reader.feed(&line);
                    if event == Event::End {
                        return End::Done;
                    }
                    see(&event);
                    heard = Instant::now();
                    told = SILENCE;
                }
                Err(RecvTimeoutError::Disconnected) => return End::Died,
                Err(RecvTimeoutError::Timeout) if heard.elapsed() >= told => {
                    see(&Event::Silence(told));
                    told += SILENCE;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= deadline {
                return End::TimedOut;
            }
            if fs::metadata(self.console).is_ok_and(|console| console.len() > CONSOLE_MAX) {
                return End::TooLoud;
            }
        }
    }

    fn command(&self) -> Result<Command> {
        let (machine, emulated, log, results) = match self.tools.arch() {
            Arch::Amd64 => ("q35", EMULATED, LOG, "-serial chardev:results"),
            Arch::Arm64 => (
                "virt",
                EMULATED_ARM64,
                LOG_ARM64,
                "-device pci-serial,chardev=results",
            ),
        };
        let (accel, cpu) = match self.accel {
            Accel::Kvm => ("kvm", "host"),
            Accel::Tcg | Accel::VirtualTime => ("tcg", emulated),
        };
        let mut qemu = self.tools.qemu()?;
        qemu.args(["-machine", machine, "-nodefaults"]);
        qemu.args(["-display", "none", "-no-reboot"]);
        qemu.args(["-accel", accel, "-cpu", cpu]);
        qemu.args(["-smp", &self.cpus.to_string()]);
        qemu.args(["-m", &format!("{}M", self.memory_mib)]);
        if self.accel == Accel::VirtualTime {
            qemu.args(["-icount", "shift=0,sleep=off"]);
        }
        qemu.arg("-kernel")
            .arg(self.image)
            .arg("-initrd")
            .arg(self.initramfs);
        // A panic reboots, and a reboot ends QEMU.
        qemu.args([
            "-append",
            &format!("{log} panic=-1 quiet loglevel=4 nokaslr mitigations=off"),
        ]);
        qemu.args(["-serial", &format!("file:{}", self.console.display())]);
        qemu.args(["-chardev", "stdio,id=results,signal=off"]);
        qemu.args(results.split(' '));
        qemu.stdin(Stdio::null()).stdout(Stdio::piped());
        die_with_parent(&mut qemu);
        Ok(qemu)
    }
}

/// Without it a killed `xtask` would leave its guests running.
fn die_with_parent(command: &mut Command) {
    let set = || {
        // SAFETY: prctl with PR_SET_PDEATHSIG takes one integer and is async-signal-safe.
        let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        if result == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // SAFETY: the closure only calls prctl, which may be called between fork and exec.
    unsafe { command.pre_exec(set) };
}

/// The child's output line by line, through a thread so that waiting has a limit.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (send, receive) = mpsc::sync_channel(256);
    if let Some(out) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut line = Vec::new();
            while out
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0)
            {
                let text = String::from_utf8_lossy(&line).into_owned();
                if send.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
    }
    receive
}
