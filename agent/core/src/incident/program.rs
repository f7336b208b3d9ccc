//! The name of a program that stays the same from start to start and from release to release.

use crate::model::process::Identity;
use crate::model::socket::Process;

/// Programs that run a script, with the options whose value is the next word.
const INTERPRETERS: &[(&str, &[&str])] = &[
    ("python", &["-W", "-X", "-Q"]),
    ("pypy", &["-W", "-X"]),
    (
        "java",
        &["-cp", "-classpath", "--class-path", "-p", "--module-path"],
    ),
    ("node", &["-r", "--require", "--import", "--loader"]),
    ("nodejs", &["-r", "--require", "--import", "--loader"]),
    ("php", &["-d", "-c", "-S", "-t"]),
    ("ruby", &["-I", "-r"]),
    ("perl", &["-I"]),
    ("bash", &["-o", "-O"]),
    ("sh", &["-o"]),
    ("dash", &["-o"]),
    ("bun", &["-r", "--preload"]),
    ("deno", &[]),
];

/// The next word is code: there is no script.
const CODE: [&str; 4] = ["-c", "-e", "--eval", "-r"];

/// Base name of the executable without its version; of an interpreter also what it runs.
pub(super) fn program(process: &Process, identity: &Identity) -> String {
    let path = identity.executable.as_deref();
    let path = path.map(|path| path.trim_end_matches(" (deleted)"));
    let path = path.unwrap_or(&process.comm);
    let name = unversioned(called(process, identity).unwrap_or_else(|| base(path)));
    match script(name, &identity.arguments) {
        Some(script) => format!("{name} {script}"),
        None => name.to_owned(),
    }
}

/// The name that it was started by, where its short name says so, too: one file serves several programs (`busybox`,
/// `redis-server`).
fn called<'a>(process: &Process, identity: &'a Identity) -> Option<&'a str> {
    /// What a short name has room for, `TASK_COMM_LEN` less its end.
    const SHORT: usize = 15;
    let name = base(identity.arguments.first()?);
    let short = name.get(..SHORT).unwrap_or(name);
    (!short.is_empty() && short == &*process.comm).then_some(name)
}

/// What an interpreter runs: a script's base name, a module, an archive, a main class.
fn script(name: &str, arguments: &[Box<str>]) -> Option<String> {
    let (_, with_value) = INTERPRETERS.iter().find(|(known, _)| *known == name)?;
    let mut words = arguments.iter().skip(1).map(|word| &**word);
    while let Some(word) = words.next() {
        if is_module(name, word) {
            return words.next().map(|module| unversioned(module).to_owned());
        }
        if word == "-jar" || (name == "php" && word == "-f") {
            return words.next().map(file);
        }
        if with_value.contains(&word) {
            words.next();
        } else if CODE.contains(&word) || word == "-" {
            return None;
        } else if !word.starts_with('-') && !is_command(name, word) {
            return Some(file(word));
        }
    }
    None
}

/// `-m module`, for Python also after other letters (`-um module`).
fn is_module(name: &str, word: &str) -> bool {
    let short = word.starts_with('-') && !word.starts_with("--") && word.ends_with('m');
    match name {
        "python" | "pypy" => short,
        "java" => ["-m", "--module"].contains(&word),
        _ => false,
    }
}

fn is_command(name: &str, word: &str) -> bool {
    ["bun", "deno"].contains(&name) && word == "run"
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Base name of a script; the version before its ending is cut off, too.
fn file(path: &str) -> String {
    let name = base(path);
    match name.rsplit_once('.') {
        Some((stem, ending)) if is_ending(ending) => format!("{}.{ending}", unversioned(stem)),
        _ => unversioned(name).to_owned(),
    }
}

fn is_ending(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Without digits at its end, and what parts them from the name; whole if nothing else is left.
fn unversioned(name: &str) -> &str {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-_".contains(c));
    let rest = if rest.len() < name.len() {
        rest.strip_suffix("-v")
            .or_else(|| rest.strip_suffix("_v"))
            .unwrap_or(rest)
    } else {
        rest
    };
    if rest.is_empty() { name } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::ProcessId;
    use crate::model::time::Timestamp;

    fn named(path: &str, line: &str) -> String {
        let process = Process {
            id: ProcessId {
                pid: 7,
                start: Timestamp::default(),
            },
            comm: "main".into(),
            uid: None,
            cgroup: None,
            group: None,
        };
        let identity = Identity {
            executable: (!path.is_empty()).then(|| path.into()),
            arguments: line.split_whitespace().map(Into::into).collect(),
            cgroup: None,
            container: None,
        };
        program(&process, &identity)
    }

    #[test]
    fn an_interpreter_is_told_with_its_script() {
        for (path, line, expected) in [
            (
                "/usr/bin/python3.13",
                "python3 -u /srv/shop/app.py --port 80",
                "python app.py",
            ),
            (
                "/usr/bin/python3.13",
                "python3 -m gunicorn shop:app",
                "python gunicorn",
            ),
            (
                "/usr/bin/python3.9",
                "python3 -X dev -um http.server",
                "python http.server",
            ),
            ("/usr/bin/python3.13", "python3 -c print()", "python"),
            (
                "/usr/lib/jvm/21/bin/java",
                "java -Xmx1g -cp a.jar:b.jar com.shop.Main",
                "java com.shop.Main",
            ),
            (
                "/usr/lib/jvm/21/bin/java",
                "java -jar /opt/shop-1.42.jar x",
                "java shop.jar",
            ),
            (
                "/usr/bin/node",
                "node --require ./a.js server.mjs",
                "node server.mjs",
            ),
            (
                "/usr/bin/deno",
                "deno run --allow-net main.ts",
                "deno main.ts",
            ),
            ("/usr/bin/perl", "perl worker3.pl", "perl worker.pl"),
            ("/usr/bin/bash", "bash", "bash"),
        ] {
            assert_eq!(named(path, line), expected);
        }
    }

    #[test]
    fn a_file_that_serves_several_programs_is_told_by_the_name_it_was_started_by() {
        for (path, line, expected) in [
            ("/usr/bin/redis-check-rdb", "/usr/bin/main *:6379", "main"),
            ("/usr/bin/busybox", "main -p 80", "main"),
            // Whoever calls itself otherwise is not believed.
            ("/usr/sbin/nginx", "nginx: worker process", "nginx"),
        ] {
            assert_eq!(named(path, line), expected);
        }
    }

    #[test]
    fn what_changes_from_build_to_build_is_no_part_of_a_name() {
        for (path, expected) in [
            ("/tmp/go-build3241/b001/exe/main", "main"),
            (
                "/nix/store/0c8f5qxw-nginx-1.27/bin/nginx (deleted)",
                "nginx",
            ),
            ("/srv/releases/20261122/shop", "shop"),
            ("/usr/sbin/php-fpm8.2", "php-fpm"),
            ("/opt/proxy-v1.2.3", "proxy"),
            ("/opt/42", "42"),
            ("", "main"),
        ] {
            assert_eq!(named(path, "x y"), expected);
        }
    }
}
