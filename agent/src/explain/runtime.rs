//! In which language a program is written, as far as its name and its stacks tell.

use crate::output::json::Stack;

/// A language's runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    Go,
    Java,
    Python,
    Node,
    Ruby,
    Php,
    /// C, C++, Rust; also Go, where no stack tells.
    Native,
}

/// By the names that a program has: path and name of its executable.
pub(super) fn of(names: &[&str], stacks: &[Stack<'_>]) -> Runtime {
    let mut names = names
        .iter()
        .map(|name| name.rsplit('/').next().unwrap_or(name));
    names.find_map(named).unwrap_or_else(|| {
        if is_go(stacks) {
            Runtime::Go
        } else {
            Runtime::Native
        }
    })
}

fn named(name: &str) -> Option<Runtime> {
    const NAMES: [(&str, Runtime); 12] = [
        ("java", Runtime::Java),
        ("python", Runtime::Python),
        ("pypy", Runtime::Python),
        ("gunicorn", Runtime::Python),
        ("uwsgi", Runtime::Python),
        ("node", Runtime::Node),
        ("bun", Runtime::Node),
        ("deno", Runtime::Node),
        ("php", Runtime::Php),
        ("ruby", Runtime::Ruby),
        ("puma", Runtime::Ruby),
        ("go", Runtime::Go),
    ];
    let mut all = NAMES.into_iter();
    let version = |rest: &str| rest.bytes().all(|byte| !byte.is_ascii_lowercase());
    let fits = |(start, runtime): &(&str, Runtime)| {
        let rest = name.strip_prefix(start);
        // `node_exporter` is written in Go, `php-fpm` in PHP.
        rest.is_some_and(|rest| {
            (version(rest) && !rest.starts_with('_')) || *runtime == Runtime::Php
        })
    };
    all.find(fits).map(|(_, runtime)| runtime)
}

/// Names of its functions begin with the path of their package.
fn is_go(stacks: &[Stack<'_>]) -> bool {
    const PACKAGES: [&str; 4] = ["runtime.goexit", "runtime.main", "net.(*", "internal/poll."];
    let frames = stacks.iter().flat_map(|stack| &stack.frames);
    let mut functions = frames.filter_map(|frame| frame.function.as_deref());
    functions.any(|name| PACKAGES.iter().any(|package| name.starts_with(package)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_known_by_their_executables() {
        let of = |name| of(&[name], &[]);
        assert_eq!(of("/usr/bin/python3.13"), Runtime::Python);
        assert_eq!(of("java"), Runtime::Java);
        assert_eq!(of("php-fpm8.2"), Runtime::Php);
        assert_eq!(of("node"), Runtime::Node);
        assert_eq!(of("node_exporter"), Runtime::Native);
        assert_eq!(of("/usr/sbin/nginx"), Runtime::Native);
        assert_eq!(of("gopher"), Runtime::Native);
    }
}
