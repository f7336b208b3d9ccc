//! `cargo xtask doctor`: what is there, from where, and the command that gets what is missing.

use std::path::Path;
use std::process::Command;

use crate::toolchain::{self, choice, compiler, linker};
use crate::{apt, process, vm, workspace};

/// One line of the table.
struct Row {
    what: &'static str,
    state: State,
    /// Version and place, or why it is not used.
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There, and used.
    Ok,
    /// There, but not used.
    Unused,
    /// Missing; `cargo xtask` gets it or the detail says how.
    Missing,
}

impl Row {
    fn new(what: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self {
            what,
            state,
            detail: detail.into(),
        }
    }

    /// A program on `PATH`, with its version, or how to get it.
    fn program(what: &'static str, name: &str, version: &[&str], get: &str) -> Self {
        let Some(path) = process::find(name) else {
            return Self::new(what, State::Missing, get);
        };
        let said = process::output(Command::new(&path).args(version)).unwrap_or_default();
        let said = said.lines().next().unwrap_or_default().trim().to_owned();
        Self::new(what, State::Ok, format!("{said}  {}", path.display()))
    }
}

/// Prints the table. Whether everything that a build and a run need is there.
pub(crate) fn run() -> bool {
    let build = build_rows();
    let complete = build.iter().all(|row| row.state != State::Missing);
    print("To build and run", &build);
    print(
        "Compilers for the kernel programs, best first",
        &compiler_rows(),
    );
    print("To test", &test_rows());
    println!();
    if complete {
        println!("ready: `cargo xtask run`, `cargo xtask test`");
    } else {
        println!(
            "not set up: `cargo xtask setup` gets what is missing (`run` and `test` do it by themselves)"
        );
    }
    complete
}

fn print(title: &str, rows: &[Row]) {
    println!("\n{title}");
    for Row {
        what,
        state,
        detail,
    } in rows
    {
        let state = match state {
            State::Ok => "ok",
            State::Unused => "-",
            State::Missing => "MISSING",
        };
        println!("  {state:<8} {what:<22} {detail}");
    }
}

fn build_rows() -> Vec<Row> {
    let mut rows = vec![
        Row::program("host rustc", "rustc", &["--version"], "https://rustup.rs"),
        Row::program("host cargo", "cargo", &["--version"], "https://rustup.rs"),
        Row::program(
            "C compiler driver",
            "cc",
            &["--version"],
            "apt-get install gcc libc6-dev",
        ),
    ];
    match toolchain::noted() {
        Some(found) => {
            let detail = format!(
                "{} (LLVM {})  {}",
                found.rustc_version,
                found.llvm_version,
                found.rustc.display()
            );
            rows.push(Row::new(
                "BPF rustc",
                State::Ok,
                format!("{} {detail}", found.origin),
            ));
            let detail = format!("{}  {}", found.linker_version, found.linker.display());
            rows.push(Row::new("bpf-linker", State::Ok, detail));
        }
        None => rows.push(Row::new(
            "BPF toolchain",
            State::Missing,
            "cargo xtask setup",
        )),
    }
    rows.push(privilege());
    rows.push(file(
        "kernel BTF",
        "/sys/kernel/btf/vmlinux",
        "this kernel was built without CONFIG_DEBUG_INFO_BTF",
    ));
    rows
}

fn privilege() -> Row {
    let sudo = || process::find("sudo");
    if process::is_root() {
        Row::new("root", State::Ok, "this user")
    } else if let Some(sudo) = sudo() {
        Row::new(
            "root",
            State::Ok,
            format!("through {} for the run itself", sudo.display()),
        )
    } else {
        Row::new(
            "root",
            State::Missing,
            "neither root nor sudo: building works, running does not",
        )
    }
}

fn file(what: &'static str, path: &str, get: &str) -> Row {
    if Path::new(path).exists() {
        Row::new(what, State::Ok, path)
    } else {
        Row::new(what, State::Missing, get)
    }
}

fn compiler_rows() -> Vec<Row> {
    let rust_version = toolchain::rust_version();
    let mut compilers = compiler::installed();
    compilers.sort_by_key(|compiler| {
        (
            choice::unfit(compiler, rust_version).is_some(),
            choice::rank(compiler),
        )
    });
    let rows = compilers.iter().map(|found| {
        let mut detail = format!(
            "{} (LLVM {})  {}",
            found.version.release,
            found.version.llvm,
            found.rustc.display()
        );
        let unfit = choice::unfit(found, rust_version);
        if let Some(unfit) = &unfit {
            detail = format!("{detail}: {}{}", unfit.reason(found), unfit.remedy(found));
        }
        let what = if matches!(found.origin, compiler::Origin::Distribution) {
            "distribution"
        } else {
            "rustup"
        };
        Row::new(
            what,
            if unfit.is_some() {
                State::Unused
            } else {
                State::Ok
            },
            detail,
        )
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        let detail = format!(
            "none; bpf-linker {} needs one with LLVM {:?}",
            linker::VERSION,
            linker::LLVM
        );
        rows.push(Row::new("any", State::Missing, detail));
    }
    rows
}

fn test_rows() -> Vec<Row> {
    let cargo_tool = |what, subcommand: &str| {
        let said = process::output(workspace::cargo().args([subcommand, "--version"]));
        said.map_or_else(
            |_| Row::new(what, State::Missing, format!("rustup component add {what}")),
            |said| Row::new(what, State::Ok, said.trim()),
        )
    };
    let mut rows = vec![cargo_tool("rustfmt", "fmt"), cargo_tool("clippy", "clippy")];
    rows.push(bpf_clippy());
    rows.push(Row::program(
        "python3",
        "python3",
        &["--version"],
        "apt-get install python3",
    ));
    rows.push(vm::emulator().map_or_else(
        || {
            let get = "fetched below the target directory by the first guest; nothing is installed";
            Row::new("QEMU (guests)", State::Unused, get)
        },
        |version| Row::new("QEMU (guests)", State::Ok, version),
    ));
    rows.push(if apt::available() {
        Row::new(
            "apt (guests)",
            State::Ok,
            "fetches kernels and programs for the guests",
        )
    } else {
        Row::new(
            "apt (guests)",
            State::Missing,
            "guests are made of Debian packages: fetched with Debian's apt-get",
        )
    });
    rows.push(if Path::new("/dev/kvm").exists() {
        Row::new("KVM", State::Ok, "/dev/kvm (tried before it is used)")
    } else {
        Row::new(
            "KVM",
            State::Unused,
            "no /dev/kvm: guests are emulated, which takes longer",
        )
    });
    rows
}

fn bpf_clippy() -> Row {
    let Some(found) = toolchain::noted() else {
        return Row::new(
            "BPF clippy",
            State::Missing,
            "after `cargo xtask setup`: `cargo xtask lint`",
        );
    };
    let driver = found.rustc.with_file_name("clippy-driver");
    if driver.is_file() {
        Row::new("BPF clippy", State::Ok, driver.display().to_string())
    } else {
        Row::new("BPF clippy", State::Missing, "cargo xtask lint")
    }
}
