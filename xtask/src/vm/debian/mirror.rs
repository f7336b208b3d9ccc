//! Where Debian packages come from: the mirrors that this machine itself uses.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

const APT: &str = "/etc/apt";

/// Base addresses of the Debian archive and of its security archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirrors {
    pub(crate) archive: String,
    pub(crate) security: String,
}

impl Mirrors {
    /// Reads `/etc/apt/sources.list` and the `.list` and `.sources` files next to it.
    pub(crate) fn from_sys() -> Result<Self> {
        let mut pairs = Vec::new();
        let mut files = vec![Path::new(APT).join("sources.list")];
        if let Ok(entries) = fs::read_dir(Path::new(APT).join("sources.list.d")) {
            files.extend(entries.flatten().map(|entry| entry.path()));
        }
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_default();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => pairs.extend(parse_list(&text)),
                Some("sources") => pairs.extend(parse_deb822(&text)),
                _ => {}
            }
        }
        Self::choose(&pairs).context(
            "no Debian archive with its security archive among this machine's apt sources: \
             name them with --mirror and --security-mirror",
        )
    }

    /// From (address, suite) pairs. Only suites of Debian releases count, so that third-party
    /// sources next to them are passed over.
    fn choose(pairs: &[(String, String)]) -> Option<Self> {
        let security = |suite: &str| suite.ends_with("-security") || suite.ends_with("/updates");
        let find = |wanted: &dyn Fn(&str) -> bool| {
            let hit = pairs.iter().find(|(_, suite)| wanted(suite));
            hit.map(|(address, _)| address.clone())
        };
        Some(Self {
            archive: find(&|suite| is_debian(suite) && !security(suite))?,
            security: find(&|suite| is_debian(suite) && security(suite))?,
        })
    }
}

fn is_debian(suite: &str) -> bool {
    const RELEASES: [&str; 8] = [
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "stable",
        "oldstable",
        "testing",
        "sid",
    ];
    let release = suite.split(['-', '/']).next().unwrap_or_default();
    RELEASES.contains(&release)
}

/// One-line style: `deb [options] address suite components…`.
fn parse_list(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let mut words = rest.split_whitespace();
        if let (Some(address), Some(suite)) = (words.next(), words.next()) {
            pairs.push((address.to_owned(), suite.to_owned()));
        }
    }
    pairs
}

/// deb822 style: stanzas with `URIs:` and `Suites:`, see sources.list(5).
fn parse_deb822(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        if field("Enabled") == Some("no") {
            continue;
        }
        let (Some(addresses), Some(suites)) = (field("URIs"), field("Suites")) else {
            continue;
        };
        for address in addresses.split_whitespace() {
            for suite in suites.split_whitespace() {
                pairs.push((address.to_owned(), suite.to_owned()));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_name_the_same_mirrors() {
        let list = "# comment\n\
                    deb-src http://m.test/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k] https://other.test/apt nodistro main\n\
                    deb [signed-by=/usr/share/k.gpg] http://m.test/debian bookworm main\n\
                    deb http://m.test/debian-security bookworm-security main\n";
        let deb822 = "Types: deb\n# snapshot\nURIs: http://m.test/debian\n\
                      Suites: bookworm bookworm-updates\nComponents: main\n\n\
                      Types: deb\nURIs: http://m.test/debian-security\nSuites: bookworm-security\n";
        let expected = Mirrors {
            archive: "http://m.test/debian".into(),
            security: "http://m.test/debian-security".into(),
        };
        assert_eq!(Mirrors::choose(&parse_list(list)), Some(expected.clone()));
        assert_eq!(Mirrors::choose(&parse_deb822(deb822)), Some(expected));
    }

    #[test]
    fn a_disabled_stanza_does_not_count() {
        let text = "Enabled: no\nURIs: http://m.test/debian\nSuites: bookworm\n";
        assert!(parse_deb822(text).is_empty());
    }

    #[test]
    fn without_a_security_archive_there_is_no_answer() {
        let pairs = parse_list("deb http://m.test/debian bookworm main\n");
        assert_eq!(Mirrors::choose(&pairs), None);
    }
}
