//! What is packed around the program agrees with what the program and its documents say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn read(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(file)).unwrap()
}

const UNIT: &str = "agent/package/finback.service";
const MANIFEST: &str = "agent/package/kubernetes/finback.yaml";

/// Capabilities that are used at the start and then given up.
const AT_START: [&str; 2] = ["CAP_SETPCAP", "CAP_SYS_RESOURCE"];

/// What `docs/security.md` lists: always, and only with `--stacks`.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = read("docs/security.md");
    let (_, table) = text.split_once("| capability |").unwrap_or_default();
    let (mut always, mut stacks) = (BTreeSet::new(), BTreeSet::new());
    for row in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = row.split('|').collect();
        let names = cells[1].split('`').filter(|word| word.starts_with("CAP_"));
        let set = if cells[2].contains("only with `--stacks`") {
            &mut stacks
        } else {
            &mut always
        };
        set.extend(names.map(str::to_owned));
    }
    assert!(
        always.len() > 5 && stacks.len() == 3,
        "{always:?} {stacks:?}"
    );
    (always, stacks)
}

/// The values of a key of the unit.
fn values(key: &str) -> BTreeSet<String> {
    let text = read(UNIT);
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_unit_gives_the_capabilities_that_are_documented_and_no_other() {
    let (always, stacks) = documented();
    let mut wanted = &always | &stacks;
    wanted.insert("CAP_SETPCAP".to_owned());
    assert_eq!(values("CapabilityBoundingSet"), wanted);
    assert!(values("AmbientCapabilities").is_empty());
}

#[test]
fn so_does_the_daemon_set() {
    let text = read(MANIFEST);
    let (_, list) = text.split_once("              add:\n").unwrap();
    let list = list
        .lines()
        .take_while(|line| line.starts_with("                "));
    let names = list.filter_map(|line| line.trim().strip_prefix("- "));
    let given: BTreeSet<_> = names.map(|name| format!("CAP_{name}")).collect();
    let (mut wanted, _) = documented();
    wanted.extend(AT_START.map(str::to_owned));
    assert_eq!(given, wanted);
    assert!(text.contains("drop: [ALL]") && text.contains("readOnlyRootFilesystem: true"));
}

#[test]
fn the_folders_of_the_unit_are_those_of_the_configuration() {
    let configuration = read("docs/finback.toml");
    for (key, below) in [("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")] {
        let folder = values(key).into_iter().next().unwrap();
        assert!(
            configuration.contains(&format!("\"{below}/{folder}/")),
            "{key}"
        );
    }
}

#[test]
fn every_exit_code_that_prevents_a_restart_is_documented() {
    let readme = read("README.md");
    let codes = values("RestartPreventExitStatus");
    assert_eq!(codes, ["2", "3", "4"].map(str::to_owned).into());
    assert!(readme.contains("2 usage, 3 not permitted, 4 the kernel lacks what is needed"));
}

#[test]
fn scripts_of_packages_are_shell() {
    for script in ["postinst", "prerm", "postrm"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("package/debian")
            .join(script);
        let done = Command::new("sh").arg("-n").arg(file).status().unwrap();
        assert!(done.success(), "{script}");
    }
}
