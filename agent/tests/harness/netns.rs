//! Network namespaces that live as long as a test.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace with its own loopback device.
#[derive(Debug)]
pub(crate) struct Netns {
    name: String,
    deleted: bool,
}

impl Netns {
    /// Makes one.
    pub(crate) fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(delete_left_behind);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("finback-live-{}-{count}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self {
            name,
            deleted: false,
        };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    fn file(&self) -> Result<File> {
        let path = format!("/run/netns/{}", self.name);
        File::open(&path).with_context(|| format!("cannot open {path}"))
    }

    /// Its inode number, its name in the stream.
    pub(crate) fn inode(&self) -> Result<u32> {
        Ok(self.file()?.metadata()?.ino().try_into()?)
    }

    /// Gives its loopback device one more address.
    pub(crate) fn add_address(&self, address: &str) -> Result<()> {
        let length = if address.contains(':') { 128 } else { 32 };
        self.ip(&["addr", "add", &format!("{address}/{length}"), "dev", "lo"])
    }

    /// Joins two of them by a pair of Ethernet devices with these addresses.
    pub(crate) fn join(&self, other: &Self, own: &str, others: &str) -> Result<()> {
        self.ip(&[
            "link",
            "add",
            "pair",
            "type",
            "veth",
            "peer",
            "name",
            "pair",
            "netns",
            &other.name,
        ])?;
        for (end, address) in [(self, own), (other, others)] {
            end.ip(&["addr", "add", &format!("{address}/24"), "dev", "pair"])?;
            end.ip(&["link", "set", "pair", "up"])?;
        }
        Ok(())
    }

    /// Lets every processor take packets of its loopback device (receive packet steering); whether the kernel can do it
    /// (`CONFIG_RPS`).
    pub(crate) fn steer_packets(&self) -> Result<bool> {
        const STEERING: &str = "/sys/class/net/lo/queues/rx-0/rps_cpus";
        if !Path::new(STEERING).exists() {
            return Ok(false);
        }
        let all = (1_u64 << thread::available_parallelism()?.get().min(32)) - 1;
        let command = format!("echo {all:x} > {STEERING}");
        ip(&["netns", "exec", &self.name, "sh", "-c", &command])?;
        Ok(true)
    }

    /// Runs `ip ARGS` in it.
    pub(crate) fn ip(&self, args: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.name], args].concat())
    }

    /// Runs `work` in a thread that has moved there; sockets and processes that it makes stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let namespace = self.file()?;
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                work()
            });
            worker
                .join()
                .unwrap_or_else(|_| Err(anyhow!("panic inside a network namespace")))
        })
    }

    /// Deletes it; the kernel does so when its last process and socket have gone.
    pub(crate) fn delete(mut self) -> Result<()> {
        self.deleted = true;
        ip(&["netns", "del", &self.name])
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if !self.deleted {
            // The test has failed or does not care; there is nobody left to tell.
            drop(ip(&["netns", "del", &self.name]));
        }
    }
}

/// Deletes the namespaces of test runs that were killed.
fn delete_left_behind() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let run = name
            .strip_prefix("finback-live-")
            .and_then(|rest| rest.split('-').next());
        if run.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // If it cannot be deleted it does no harm to this run.
            drop(ip(&["netns", "del", &name]));
        }
    }
}

fn ip(args: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(args)
        .output()
        .context("cannot run ip (package iproute2)")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
