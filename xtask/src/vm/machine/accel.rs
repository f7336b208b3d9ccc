//! Chooses how guests run: KVM where it works, else QEMU's emulation.

use std::{fs, path::Path, time::Duration};

use anyhow::Result;
use clap::ValueEnum;

use crate::vm::{
    debian::{arch::Arch, kernel::Kernel, platform::Platform, tools::Tools},
    image::initramfs::{self, Base, Step},
    output,
};

use super::{Accel, End, Machine, protocol::Event};

/// A guest that does nothing is done in three seconds even when emulated.
const PROBE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// KVM if a guest boots with it, else emulation.
    Auto,
    Kvm,
    Tcg,
}

/// A host may offer /dev/kvm and still be unable to run a guest, for instance when it is a
/// guest itself: only booting one tells. The answer is remembered until the host reboots.
pub(crate) fn choose(
    choice: Choice,
    dir: &Path,
    tools: &Tools,
    platform: &Platform,
    base: &Base,
    kernel: &Kernel,
) -> Result<Accel> {
    match choice {
        Choice::Kvm => return Ok(Accel::Kvm),
        Choice::Tcg => return Ok(Accel::Tcg),
        // Another kind of processor than this machine's.
        Choice::Auto if platform.arch != Arch::Amd64 => return Ok(Accel::Tcg),
        Choice::Auto => {}
    }
    if fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_err()
    {
        return Ok(Accel::Tcg);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let memory = dir.join("kvm-works");
    let remembered = fs::read_to_string(&memory).unwrap_or_default();
    let works = match remembered.strip_prefix(boot.trim()).map(str::trim) {
        Some("yes") => true,
        Some("no") => false,
        _ => {
            let works = boots(dir, tools, platform, base, kernel)?;
            let answer = if works { "yes" } else { "no" };
            output::note(&format!("does KVM run guests here: {answer}"));
            fs::write(&memory, format!("{} {answer}\n", boot.trim()))?;
            works
        }
    };
    Ok(if works { Accel::Kvm } else { Accel::Tcg })
}

fn boots(
    dir: &Path,
    tools: &Tools,
    platform: &Platform,
    base: &Base,
    kernel: &Kernel,
) -> Result<bool> {
    let step = Step {
        label: "probe".into(),
        command: vec!["true".into()],
        env: Vec::new(),
        is_test: false,
        in_a_row: false,
    };
    let initramfs = initramfs::write(dir, tools, platform, base, kernel, &[], &[step])?;
    let machine = Machine {
        tools,
        image: &kernel.image(),
        initramfs: &initramfs.path(),
        console: &dir.join("logs/kvm-probe.log"),
        accel: Accel::Kvm,
        cpus: 1,
        memory_mib: 512,
        timeout: PROBE,
    };
    let mut succeeded = false;
    let end = machine.run(|event| succeeded |= *event == Event::Exit(0, 0))?;
    Ok(end == End::Done && succeeded)
}
