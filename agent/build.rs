//! Compiles the kernel programs (package `finback-ebpf`) for the BPF target and leaves the object at
//! `$OUT_DIR/finback-ebpf`, with its BTF and without its DWARF.
//!
//! The compiler is not the one that builds the agent: stable Rust has no `core` for BPF. `cargo xtask setup` finds or
//! installs one that can build it, and writes what it found to `<target>/bpf-toolchain.json`.
#![expect(clippy::print_stderr, reason = "how a build script talks to cargo")]

#[path = "build/strip.rs"]
mod strip;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The file by which set-up hands over the toolchain.
const TOOLCHAIN_FILE: &str = "bpf-toolchain.json";
const OBJECT: &str = "finback-ebpf";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        // One short message for what the user can mend with a command: no dump of this script's output.
        Err(Failure::Setup(message)) => {
            println!("cargo::error={message}");
            ExitCode::SUCCESS
        }
        // cargo shows the standard error of a build script that fails: the kernel crate's own compiler errors.
        Err(Failure::Build(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    /// Something is not installed.
    Setup(String),
    /// The kernel crate does not compile.
    Build(String),
}

struct Toolchain {
    rustc: PathBuf,
    cargo: PathBuf,
    linker: PathBuf,
    env: Vec<(String, String)>,
}

fn build() -> Result<(), Failure> {
    let out_dir = PathBuf::from(required("OUT_DIR")?);
    // Asked at run time: a copied target directory must not lead back to the sources it was built from.
    let root = Path::new(&required("CARGO_MANIFEST_DIR")?).join("..");
    let target_dir = target_dir(&out_dir, &root);
    let file = target_dir.join(TOOLCHAIN_FILE);
    let toolchain = toolchain(&file)?;

    // One for each architecture: which registers a program reads is compiled in, and two builds may run at once.
    let arch = required("CARGO_CFG_TARGET_ARCH")?;
    let built = compile(&toolchain, &root, &target_dir.join("bpf").join(arch))?;
    let object = fs::read(&built)
        .map_err(|e| Failure::Build(format!("cannot read {}: {e}", built.display())))?;
    let object = strip::without_dwarf(&object).unwrap_or(object);
    let copy = out_dir.join(OBJECT);
    fs::write(&copy, object)
        .map_err(|e| Failure::Build(format!("cannot write {}: {e}", copy.display())))?;

    // Not the folders of the packages: tools write beside a manifest, and take it away again.
    for path in [
        "../ebpf/Cargo.toml",
        "../ebpf/src",
        "../common/Cargo.toml",
        "../common/src",
        "../Cargo.toml",
        "../Cargo.lock",
        "build.rs",
        "build",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    for path in [&file, &toolchain.rustc, &toolchain.linker] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    Ok(())
}

/// The workspace's target directory: the one above `OUT_DIR` that set-up wrote to. cargo does not tell a build script,
/// and `CARGO_TARGET_DIR`, `--target-dir` and `build.target-dir` all move it.
fn target_dir(out_dir: &Path, root: &Path) -> PathBuf {
    let above = |file: &str| {
        out_dir
            .ancestors()
            .find(|dir| dir.join(file).is_file())
            .map(Path::to_path_buf)
    };
    above(TOOLCHAIN_FILE)
        .or_else(|| above("CACHEDIR.TAG"))
        .unwrap_or_else(|| root.join("target"))
}

fn toolchain(file: &Path) -> Result<Toolchain, Failure> {
    let not_set_up =
        || Failure::Setup("the BPF toolchain is not set up: run `cargo xtask setup`".to_owned());
    let stale = |what: &str| {
        Failure::Setup(format!(
            "the BPF toolchain has changed ({what}): run `cargo xtask setup`"
        ))
    };
    let text = fs::read_to_string(file).map_err(|_missing| not_set_up())?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| stale(&e.to_string()))?;
    let path = |key: &str| {
        let path = PathBuf::from(
            json[key]
                .as_str()
                .ok_or_else(|| stale(&format!("no `{key}`")))?,
        );
        if path.is_file() {
            Ok(path)
        } else {
            Err(stale(&format!("{} is gone", path.display())))
        }
    };
    let env = json["env"].as_object().into_iter().flatten();
    Ok(Toolchain {
        rustc: path("rustc")?,
        cargo: path("cargo")?,
        linker: path("linker")?,
        env: env
            .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
            .collect(),
    })
}

/// Builds the kernel crate and returns the path of the linked object.
fn compile(toolchain: &Toolchain, root: &Path, target_dir: &Path) -> Result<PathBuf, Failure> {
    let triple = match required("CARGO_CFG_TARGET_ENDIAN")?.to_str() {
        Some("big") => "bpfeb-unknown-none",
        _ => "bpfel-unknown-none",
    };
    let mut cargo = Command::new(&toolchain.cargo);
    forget_outer_build(&mut cargo);
    cargo
        .current_dir(root)
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            OBJECT,
            "--bin",
            OBJECT,
        ])
        .args(["--target", triple, "-Zbuild-std=core", "--target-dir"])
        .arg(target_dir)
        .env("RUSTC", &toolchain.rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(toolchain, root)?)
        .envs(toolchain.env.iter().map(|(k, v)| (k, v)));
    let output = cargo
        .output()
        .map_err(|e| Failure::Build(format!("cannot run {cargo:?}: {e}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Failure::Build(format!(
            "the kernel crate ({OBJECT}) does not build:\n{said}"
        )));
    }
    for line in said.lines() {
        println!("cargo::warning={line}");
    }
    Ok(target_dir.join(triple).join("release").join(OBJECT))
}

/// Separated by 0x1f, as `CARGO_ENCODED_RUSTFLAGS` wants it.
fn rustflags(toolchain: &Toolchain, root: &Path) -> Result<OsString, Failure> {
    let mut arch = OsString::from("--cfg=bpf_target_arch=\"");
    arch.push(required("CARGO_CFG_TARGET_ARCH")?);
    arch.push("\"");
    let mut with_linker = OsString::from("-Clinker=");
    with_linker.push(&toolchain.linker);
    let mut flags = vec![
        arch,
        with_linker,
        // BTF is made from debug info.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // `v3` and later make 5.10 and 6.1 refuse loops with a variable bound.
        "-Ctarget-cpu=generic".into(),
        // Else zeroing some 40 bytes becomes a call of memset, which BPF does not have.
        "-Clink-arg=--disable-expand-memcpy-in-order".into(),
    ];
    flags.extend(remapped(toolchain, root));
    Ok(flags.join(std::ffi::OsStr::new("\x1f")))
}

/// BTF names the source of every line: without the folders of this machine, the same sources give the same object
/// wherever they lie, and the verifier's log is easier to read.
fn remapped(toolchain: &Toolchain, root: &Path) -> Vec<OsString> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    // `<sysroot>/bin/rustc`
    let sysroot = toolchain.rustc.ancestors().nth(2);
    let root = fs::canonicalize(root).ok();
    let places = [
        (home, "/cargo"),
        (sysroot.map(Path::to_path_buf), "/rust"),
        (root, "/finback"),
    ];
    let flag = |(from, to): (Option<PathBuf>, &str)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from?);
        flag.push("=");
        flag.push(to);
        Some(flag)
    };
    places.into_iter().filter_map(flag).collect()
}

/// Removes what the outer build (cargo, clippy, rustdoc, rustup's proxy) set for itself and would steer the inner one:
/// its compiler, wrappers, flags, profile overrides and library path.
fn forget_outer_build(command: &mut Command) {
    const EXACT: [&str; 4] = [
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
        "CARGO_ENCODED_RUSTFLAGS",
    ];
    const PREFIXES: [&str; 6] = [
        "RUSTC",
        "RUSTDOC",
        "CLIPPY_",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_PROFILE_",
    ];
    for (key, _value) in env::vars_os() {
        let Some(name) = key.to_str() else { continue };
        if EXACT.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&key);
        }
    }
}

fn required(name: &str) -> Result<OsString, Failure> {
    env::var_os(name).ok_or_else(|| Failure::Build(format!("{name} is not set: run through cargo")))
}
