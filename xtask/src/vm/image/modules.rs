//! Picks kernel modules with everything they depend on, for autoloading in the guest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, ensure};

use crate::vm::debian::tools::Tools;

use super::cpio::Archive;

/// What tests in guests use. A name that a kernel has built in, or not at all, is passed over.
const WANTED: &[&str] = &[
    "tcp_diag", // ss, and the agent's snapshots through sock_diag
    "udp_diag",
    "unix_diag",
    "veth", // two ends in two network namespaces
    "dummy",
    "tls", // kTLS, whose cipher the next three make up
    "gcm",
    "ctr",
    "ghash_generic",
    "tun",       // a scripted TCP peer
    "sch_netem", // a peer that has died: 100 % loss
    "nf_tables", // a firewall that drops
    "nft_counter",
    "nft_reject_inet",
    "nf_reject_ipv6",
];

/// `modules.dep`: each module's file and the files it needs.
#[derive(Debug, Default)]
struct Dependencies {
    files: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
}

/// Adds the wanted modules of kernel `version` under `/lib/modules`, with the tables that
/// `modprobe` reads. `tree` is the kernel's module folder on the host.
pub(crate) fn add(archive: &mut Archive, tools: &Tools, tree: &Path, version: &str) -> Result<()> {
    let read = |name: &str| {
        let file = tree.join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let dependencies = Dependencies::parse(&read("modules.dep")?);
    let chosen = dependencies.closure(WANTED);
    let root = format!("usr/lib/modules/{version}");
    for file in &chosen {
        let bytes = unpacked(tools, &tree.join(file))?;
        archive.file(&format!("{root}/{}", plain(file)), 0o644, &bytes)?;
    }
    let table = dependencies.table(&chosen);
    archive.file(&format!("{root}/modules.dep"), 0o644, table.as_bytes())?;
    let aliases = aliases_of(&read("modules.alias")?, &chosen);
    archive.file(&format!("{root}/modules.alias"), 0o644, aliases.as_bytes())?;
    archive.file(&format!("{root}/modules.symbols"), 0o644, b"")?;
    Ok(())
}

impl Dependencies {
    fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            let Some((file, needs)) = line.split_once(':') else {
                continue;
            };
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            all.files.insert(module_name(file), file.to_owned());
            all.needs.insert(file.to_owned(), needs);
        }
        all
    }

    /// Files of the wanted modules and of all that they need.
    fn closure(&self, wanted: &[&str]) -> BTreeSet<String> {
        let mut chosen = BTreeSet::new();
        let mut open: Vec<&String> = wanted
            .iter()
            .filter_map(|name| self.files.get(*name))
            .collect();
        while let Some(file) = open.pop() {
            if chosen.insert(file.clone()) {
                open.extend(self.needs.get(file).into_iter().flatten());
            }
        }
        chosen
    }

    /// `modules.dep` again, for the chosen files in their uncompressed form.
    fn table(&self, chosen: &BTreeSet<String>) -> String {
        let mut text = String::new();
        for file in chosen {
            text += plain(file);
            text.push(':');
            for needed in self.needs.get(file).into_iter().flatten() {
                text.push(' ');
                text += plain(needed);
            }
            text.push('\n');
        }
        text
    }
}

/// Lines `alias <pattern> <module>` of the chosen modules.
fn aliases_of(text: &str, chosen: &BTreeSet<String>) -> String {
    let names: BTreeSet<String> = chosen.iter().map(|file| module_name(file)).collect();
    let ours = |line: &&str| {
        line.rsplit(' ')
            .next()
            .is_some_and(|name| names.contains(name))
    };
    text.lines()
        .filter(ours)
        .fold(String::new(), |all, line| all + line + "\n")
}

/// `kernel/net/ipv4/tcp-diag.ko.xz` → `tcp_diag`, the name the kernel uses.
fn module_name(file: &str) -> String {
    let base = file.rsplit('/').next().unwrap_or(file);
    base.split('.').next().unwrap_or(base).replace('-', "_")
}

fn plain(file: &str) -> &str {
    file.strip_suffix(".xz").unwrap_or(file)
}

/// busybox loads uncompressed modules only.
fn unpacked(tools: &Tools, file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_none_or(|extension| extension != "xz") {
        return fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let xz = tools
        .xz()?
        .arg("-dc")
        .arg(file)
        .output()
        .context("cannot run xz")?;
    ensure!(xz.status.success(), "xz cannot unpack {}", file.display());
    Ok(xz.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "kernel/net/ipv4/tcp_diag.ko.xz: kernel/net/ipv4/inet_diag.ko.xz\n\
                         kernel/net/ipv4/inet_diag.ko.xz:\n\
                         kernel/net/x/a-b.ko: kernel/net/x/c.ko kernel/net/ipv4/inet_diag.ko.xz\n\
                         kernel/net/x/c.ko: kernel/net/x/d.ko\n\
                         kernel/net/x/d.ko:\n";

    #[test]
    fn the_closure_holds_dependencies_of_dependencies() {
        let all = Dependencies::parse(TABLE);
        let chosen: Vec<String> = all.closure(&["a_b", "not_there"]).into_iter().collect();
        assert_eq!(
            chosen,
            [
                "kernel/net/ipv4/inet_diag.ko.xz",
                "kernel/net/x/a-b.ko",
                "kernel/net/x/c.ko",
                "kernel/net/x/d.ko"
            ]
        );
    }

    #[test]
    fn the_guest_s_table_names_uncompressed_files() {
        let all = Dependencies::parse(TABLE);
        assert_eq!(
            all.table(&all.closure(&["tcp_diag"])),
            "kernel/net/ipv4/inet_diag.ko:\n\
             kernel/net/ipv4/tcp_diag.ko: kernel/net/ipv4/inet_diag.ko\n"
        );
    }

    #[test]
    fn only_aliases_of_chosen_modules_stay() {
        let all = Dependencies::parse(TABLE);
        let text = "# header\nalias net-pf-16-proto-4-type-2-6 tcp_diag\nalias pci:v1 e1000\n";
        assert_eq!(
            aliases_of(text, &all.closure(&["tcp_diag"])),
            "alias net-pf-16-proto-4-type-2-6 tcp_diag\n"
        );
    }
}
