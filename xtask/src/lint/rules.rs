//! The repository's rules that no compiler checks.

/// A source file longer than this holds more than one idea, unless it is a table or tests.
const MAX_LINES: usize = 400;
/// In a file's first lines, with a reason: it may be long.
const TABLE_MARK: &str = "tidy: table";
/// The crate root of the agent's core.
const CORE: &str = "agent/core/src/lib.rs";
/// Home directories. Written in pieces, else this file would break its own rule.
const HOMES: [&str; 2] = [concat!("/ho", "me/"), concat!("/ro", "ot/")];

/// Documents that are not in the repository, as comments would name them. In pieces, as above.
const OUTSIDE: [&str; 5] = [
    concat!("design", " §"),
    concat!("design", ".md"),
    concat!("kernel", ".md"),
    concat!("toolchain", ".md"),
    concat!("vm", ".md"),
];
/// Proptest's option that throws away what has found a fault.
const FORGETFUL: &str = concat!("failure_persistence", ": None");

/// What is wrong with a file; `path` is relative to the repository, `root` the checkout's absolute path.
pub(crate) fn problems(path: &str, text: &str, root: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let machine = HOMES
            .iter()
            .copied()
            .chain([root])
            .find(|place| names_path(line, place));
        if let Some(place) = machine {
            problems.push(format!(
                "line {}: a path of one machine ({place})",
                number + 1
            ));
        }
        if let Some(name) = OUTSIDE.iter().find(|name| names_path(line, name)) {
            problems.push(format!(
                "line {}: `{name}` is not in the repository: say the fact itself",
                number + 1
            ));
        }
        if line.contains(FORGETFUL) {
            problems.push(format!(
                "line {}: a property keeps the seeds that have failed",
                number + 1
            ));
        }
    }
    if let Some(lines) = too_long(path, text) {
        problems.push(format!(
            "{lines} lines, more than {MAX_LINES}: split it, or say why not with `{TABLE_MARK}`"
        ));
    }
    if path == CORE
        && !text
            .lines()
            .any(|line| line.trim() == "#![forbid(unsafe_code)]")
    {
        problems.push("the core must say #![forbid(unsafe_code)]".to_owned());
    }
    problems
}

/// Whether a line has this path in it, not merely a longer path that ends in it (`$sysroot/home/`).
fn names_path(line: &str, place: &str) -> bool {
    place.len() > 1
        && line.match_indices(place).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-})>*".contains(c))
        })
}

/// The length of a source file without its tests, if it is too long.
fn too_long(path: &str, text: &str) -> Option<usize> {
    let is_code = [".rs", ".sh", ".py", ".c", ".h"]
        .iter()
        .any(|end| path.ends_with(end));
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    let is_table = text.lines().take(20).any(|line| line.contains(TABLE_MARK));
    let lines = text
        .lines()
        .take_while(|line| line.trim_end() != "#[cfg(test)]")
        .count();
    (is_code && !is_test && !is_table && lines > MAX_LINES).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_forbids_unsafe() {
        assert_eq!(problems(CORE, "pub mod event;\n", "/src/finback").len(), 1);
        assert!(problems(CORE, "//! Pure.\n#![forbid(unsafe_code)]\n", "/src/finback").is_empty());
    }

    #[test]
    fn paths_of_one_machine() {
        let home = format!("run {}someone/x", HOMES[0]);
        assert_eq!(problems("README.md", &home, "/src/finback").len(), 1);
        assert_eq!(
            problems("README.md", "see /src/finback/target", "/src/finback").len(),
            1
        );
        assert!(
            problems(
                "README.md",
                "/sys/kernel/btf/vmlinux, ~/.cargo, <target>/home/",
                "/src/finback"
            )
            .is_empty()
        );
        assert!(problems("README.md", "any/path", "/").is_empty());
    }

    #[test]
    fn only_documents_of_the_repository_are_named() {
        let told = |line: &str| problems("agent/src/a.rs", line, "/src/finback").len();
        assert_eq!(told(&format!("/// The default ({}5).", OUTSIDE[0])), 1);
        assert_eq!(told(&format!("// See {}.", OUTSIDE[2])), 1);
        assert_eq!(
            told("// See docs/kernels.md and my_kernel.md, RFC 9293 §3.5."),
            0
        );
    }

    #[test]
    fn properties_keep_their_seeds() {
        assert_eq!(problems("a/b.rs", FORGETFUL, "/src/finback").len(), 1);
        assert!(problems("a/b.rs", "failure_persistence: seeds()", "/src/finback").is_empty());
    }

    #[test]
    fn long_files_need_a_reason() {
        let long = "fn f() {}\n".repeat(MAX_LINES + 1);
        assert_eq!(too_long("agent/src/a.rs", &long), Some(MAX_LINES + 1));
        assert_eq!(
            too_long(
                "agent/src/a.rs",
                &format!("//! tidy: table of states\n{long}")
            ),
            None
        );
        assert_eq!(too_long("agent/tests/live/a.rs", &long), None);
        assert_eq!(too_long("docs/a.md", &long), None);
        let tested = format!("fn f() {{}}\n#[cfg(test)]\n{long}");
        assert_eq!(too_long("agent/src/a.rs", &tested), None);
    }
}
