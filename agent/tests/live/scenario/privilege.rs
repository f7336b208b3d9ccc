//! What a daemon that works may still do, and what one that was not given everything says.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::scenario::command::{output_of, public_dir};
use crate::setting::setting;
use crate::trial::skip;

/// Capabilities that the daemon has no use for once it runs, as bits of `/proc/PID/status`.
const GIVEN_UP: &[(&str, u32)] = &[
    ("CAP_CHOWN", 0),
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_KILL", 5),
    ("CAP_SETUID", 7),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_MODULE", 16),
    ("CAP_SYS_RAWIO", 17),
    ("CAP_SYS_BOOT", 22),
    ("CAP_SYS_RESOURCE", 24),
    ("CAP_MKNOD", 27),
];

/// Every thread has given up the same, and the daemon says so.
pub(crate) fn given_up() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let status = status(&daemon)?;
    let pid = status["pid"].as_u64().context("no pid")?;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        guarded(&task?.path())?;
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let none = |line: &str| line.split_whitespace().nth(4) == Some("0");
    ensure!(core.is_some_and(none), "{core:?}");
    told(&status["privilege"])?;
    daemon.stop()?;
    Ok(())
}

fn status(daemon: &Daemon) -> Result<Value> {
    let mut command = Command::new(&setting().finback);
    command.args(["status", "--format", "json", "--socket"]);
    let output = output_of(command.arg(daemon.dir().path().join("finback.sock")))?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn guarded(task: &Path) -> Result<()> {
    let status = fs::read_to_string(task.join("status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).with_context(|| format!("no {name}"))
    };
    ensure!(field("NoNewPrivs:")? == "1", "{status}");
    // A kernel without filters has no such line.
    ensure!(field("Seccomp:").is_ok_and(|mode| mode == "2"), "{status}");
    for set in ["CapEff:", "CapPrm:", "CapInh:", "CapBnd:", "CapAmb:"] {
        let bits = u64::from_str_radix(field(set)?, 16)?;
        for (name, bit) in GIVEN_UP {
            ensure!(bits & (1 << bit) == 0, "{name} is left in {set}\n{status}");
        }
    }
    Ok(())
}

fn told(privilege: &Value) -> Result<()> {
    let kept = privilege["capabilities"].as_array().context("no list")?;
    ensure!(!kept.is_empty(), "{privilege}");
    for one in kept {
        let why = one["why"].as_str().unwrap_or_default();
        ensure!(!why.is_empty(), "{one} has no reason");
    }
    for layer in ["bounding_set", "no_new_privs", "system_calls", "no_core"] {
        ensure!(privilege[layer]["state"] == "on", "{layer}: {privilege}");
    }
    let reason = privilege["landlock"]["reason"].as_str();
    ensure!(
        reason.is_some_and(|reason| !reason.is_empty()),
        "{privilege}"
    );
    Ok(())
}

/// Capabilities that the daemon asks for, their numbers, and whether it starts without.
const ASKED_FOR: &[(&str, u32, bool)] = &[
    ("CAP_NET_ADMIN", 12, true),
    ("CAP_DAC_READ_SEARCH", 2, true),
    ("CAP_SYS_PTRACE", 19, true),
    ("CAP_SYS_ADMIN", 21, true),
    ("CAP_SYSLOG", 34, true),
    ("CAP_PERFMON", 38, false),
    ("CAP_BPF", 39, false),
];

/// Takes capabilities from what the next program may have, and becomes that.
const WITHOUT: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in sys.argv[1].split(','):
    if libc.prctl(24, int(number), 0, 0, 0):
        sys.exit('PR_CAPBSET_DROP: ' + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
";

/// For each one that is missing it says which, and what for; it starts if it can.
pub(crate) fn each_one_missing() -> Result<()> {
    for (name, number, starts) in ASKED_FOR {
        // CAP_SYS_ADMIN stands for the two that were once a part of it.
        let numbers = if *starts {
            number.to_string()
        } else {
            format!("{number},21")
        };
        let mut command = Command::new(&setting().python);
        command.args(["-c", WITHOUT, &numbers]);
        command.arg(&setting().finback);
        command.args(["doctor", "--attach", &setting().attach]);
        let output = output_of(&mut command)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if *name == "CAP_SYS_ADMIN" && errors.contains("`perf_event_open` failed") {
            // Debian's kernels before 6.1 want it for every probe.
            continue;
        }
        let place = if *starts { &said } else { &errors };
        ensure!(place.contains(name), "without {name}: {said}{errors}");
        let code = if *starts { 0 } else { 3 };
        ensure!(
            output.status.code() == Some(code),
            "without {name}: {output:?}"
        );
    }
    Ok(())
}

/// Attribute of a file with capabilities, version 2: effective, and the lower and upper halves of the permitted ones.
fn attribute() -> Result<Vec<u8>> {
    // A file with more than this process may give cannot be run.
    let own = fs::read_to_string("/proc/self/status")?;
    let bounds = own.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bounds = u64::from_str_radix(bounds.context("no CapBnd")?.trim(), 16)?;
    // Before 5.11 maps count as locked memory, of which another user has little: CAP_SYS_RESOURCE.
    let permitted = ASKED_FOR
        .iter()
        .fold(1_u64 << 24, |set, (_, number, _)| set | (1 << number));
    let permitted = permitted & bounds;
    let (low, high) = (permitted & 0xFFFF_FFFF, permitted >> 32);
    let words = [0x0200_0001, low, 0, high, 0];
    let bytes = |word: u64| u32::try_from(word).unwrap_or(0).to_le_bytes();
    Ok(words.into_iter().flat_map(bytes).collect())
}

/// A user who is not root runs a file that has what is needed.
pub(crate) fn another_user() -> Result<()> {
    let dir = public_dir()?;
    let binary = dir.path().join("finback");
    fs::copy(&setting().finback, &binary)?;
    let set = rustix::fs::setxattr(
        &binary,
        "security.capability",
        &attribute()?,
        rustix::fs::XattrFlags::empty(),
    );
    if let Err(error) = set {
        return skip(format!("this file system keeps no capabilities: {error}"));
    }
    let mut command = Command::new(&binary);
    command
        .args(["run", "--format", "json", "--history", "off"])
        .args([
            "--attach",
            &setting().attach,
            "--duration",
            "1s",
            "--socket",
        ])
        .arg(dir.path().join("s"))
        .uid(65534)
        .gid(65534);
    let output = output_of(&mut command)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {errors}", output.status);
    let said = String::from_utf8(output.stdout)?;
    let hello = said.lines().next().context("nothing was said")?;
    let hello: Value = serde_json::from_str(hello)?;
    ensure!(hello["type"] == "hello", "{hello}");
    Ok(())
}
