//! Unsafe code is in these files only, each for a reason.
//!
//! tidy: table

use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, ExprUnsafe, ItemForeignMod, ItemImpl, ItemTrait, Macro, Safety, Signature};

/// Files, or folders that end in `/`, and why they cannot do without.
const KNOWN: &[(&str, &str)] = &[
    (
        "agent/tests/live/scenario/watchdog.rs",
        "stops one thread of another process by ptrace",
    ),
    (
        "ebpf/src/",
        "programs in the kernel: its memory is read by address, and the verifier proves what the compiler cannot",
    ),
    (
        "agent/src/kernel/sys.rs",
        "bpf(2) has no safe function for maps that are mapped, for iterators and batches: all of it is here",
    ),
    (
        "agent/src/privilege/calls.rs",
        "a test makes system calls that the filter must refuse",
    ),
    (
        "agent/src/process/stack/reader/confine.rs",
        "close_range(2) before anything is opened has no safe function",
    ),
    (
        "agent/tests/corpus/step.rs",
        "a socket filter for a scenario (SO_ATTACH_FILTER)",
    ),
    (
        "agent/tests/kernel/rig.rs",
        "unshare(2) of one thread's network namespace",
    ),
    (
        "agent/tests/packet/link.rs",
        "ioctl(2) that makes a TUN device",
    ),
    (
        "xtask/src/bench/attached/child.rs",
        "pre_exec, and clocks of other processes",
    ),
    (
        "xtask/src/bench/kernel/map.rs",
        "maps a ring to read its position",
    ),
    (
        "xtask/src/bench/kernel/syscall.rs",
        "bpf(2) for the rivals' programs",
    ),
    (
        "xtask/src/bench/network.rs",
        "unshare(2) of the network namespace",
    ),
    ("xtask/src/interrupt.rs", "sigaction(2)"),
    ("xtask/src/process.rs", "geteuid(2)"),
    (
        "xtask/src/vm/machine/mod.rs",
        "pre_exec, so that a guest ends with its parent",
    ),
];

/// What is unsafe without being known, and what is known without being unsafe.
pub(super) fn problems(files: &[(String, String)]) -> Vec<String> {
    let covers = |place: &str, file: &str| {
        place == file || (place.ends_with('/') && file.starts_with(place))
    };
    let unsafe_files: Vec<&str> = files
        .iter()
        .filter(|(file, text)| is_rust(file) && is_unsafe(text))
        .map(|(file, _)| file.as_str())
        .collect();
    let unknown = unsafe_files
        .iter()
        .filter(|file| !KNOWN.iter().any(|(place, _)| covers(place, file)))
        .map(|file| {
            format!(
                "{file}: unsafe code: do without, or say in xtask/src/lint/unsafe_code.rs why not"
            )
        });
    let needless = KNOWN
        .iter()
        .filter(|(place, _)| !unsafe_files.iter().any(|file| covers(place, file)))
        .map(|(place, _)| format!("{place}: has no unsafe code any more: leave it out of xtask/src/lint/unsafe_code.rs"));
    unknown.chain(needless).collect()
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == "rs")
}

/// A file that is no Rust is for the compiler to complain of.
fn is_unsafe(text: &str) -> bool {
    let mut found = Found(false);
    if let Ok(file) = syn::parse_file(text) {
        found.visit_file(&file);
    }
    found.0
}

struct Found(bool);

impl<'ast> Visit<'ast> for Found {
    fn visit_expr_unsafe(&mut self, _: &'ast ExprUnsafe) {
        self.0 = true;
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.0 |= matches!(signature.safety, Safety::Unsafe(_));
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.0 |= item.unsafety.is_some();
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.0 |= item.unsafety.is_some();
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, _: &'ast ItemForeignMod) {
        self.0 = true;
    }

    /// `#[unsafe(no_mangle)]`.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.0 |= attribute.path().is_ident("unsafe");
    }

    /// What a macro is given is no syntax yet: words, and strings in which anything may stand.
    fn visit_macro(&mut self, called: &'ast Macro) {
        let tokens = called.tokens.to_string();
        let mut code = tokens.split('"').step_by(2);
        self.0 |= code.any(|code| code.split(' ').any(|word| word == "unsafe"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_seen_wherever_it_stands() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for A {}",
            "unsafe trait A {}",
            "unsafe extern \"C\" { fn f(); }",
            "#[unsafe(no_mangle)] fn f() {}",
            "fn f() { m!(unsafe { g() }) }",
            "macro_rules! m { () => { unsafe { g() } } }",
            "impl A { unsafe fn f() {} }",
        ] {
            assert!(is_unsafe(text), "{text}");
        }
        for text in [
            "// unsafe\nfn f() { g(\"unsafe { }\", unsafe_name) }",
            "#![forbid(unsafe_code)]",
            "fn f() { print!(\"all unsafe code\") }",
            "#![deny(unsafe_op_in_unsafe_fn)]",
        ] {
            assert!(!is_unsafe(text), "{text}");
        }
    }

    #[test]
    fn a_file_is_told_that_is_not_known_and_one_that_need_not_be() {
        let files = KNOWN.iter().map(|(place, _)| {
            let file = if place.ends_with('/') {
                format!("{place}a.rs")
            } else {
                (*place).to_owned()
            };
            (file, "unsafe fn f() {}".to_owned())
        });
        let mut files: Vec<_> = files.collect();
        assert_eq!(problems(&files), [""; 0]);
        files[1].1 = "fn f() {}".to_owned();
        files.push(("agent/src/a.rs".to_owned(), "unsafe fn f() {}".to_owned()));
        assert_eq!(problems(&files).len(), 2);
    }
}
