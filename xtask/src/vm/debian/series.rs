//! Which kernel a guest boots: a series, and the newest package of it.

use std::{fmt, str::FromStr};

/// Suites of the Debian archive that carry the kernels: `latest` comes from the backports.
pub(crate) const ARCHIVE_SUITES: &str = "bookworm trixie-backports";
/// Suites of the Debian security archive: 5.10 is in the first, 6.1 and 6.12 in the second.
pub(crate) const SECURITY_SUITES: &str = "bullseye-security bookworm-security";

const PREFIX: &str = "linux-image-";
/// Whose machines a kernel is for: package lists hold one architecture.
const SUFFIXES: [&str; 2] = ["-cloud-amd64", "-cloud-arm64"];

/// A kernel series (`6.1`), or the newest kernel there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Series {
    Fixed(u32, u32),
    Latest,
}

impl Series {
    /// The newest of `packages` that belongs to this series, as a package name.
    pub(crate) fn newest<'a>(self, packages: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        packages
            .filter(|name| kernel_of_package(name).is_some_and(|version| self.holds(version)))
            .max_by_key(|name| kernel_of_package(name).map(numbers))
    }

    /// The newest of the kernel versions `cached` that belongs to this series.
    pub(crate) fn newest_cached(self, cached: impl Iterator<Item = String>) -> Option<String> {
        cached
            .filter(|version| self.holds(version))
            .max_by_key(|version| numbers(version))
    }

    /// Whether a version such as `6.1.0-56-cloud-amd64` is of this series.
    /// Two-part versions are the metapackages that follow a series.
    fn holds(self, version: &str) -> bool {
        let parts: Vec<&str> = version.splitn(3, '.').collect();
        let [major, minor, rest] = parts[..] else {
            return false;
        };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else {
            return false;
        };
        rest.starts_with(|c: char| c.is_ascii_digit())
            && match self {
                Self::Fixed(want_major, want_minor) => (want_major, want_minor) == (major, minor),
                Self::Latest => true,
            }
    }
}

impl FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let (major, minor) = text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| format!("`{text}` is neither `latest` nor a series such as `6.1`"))?;
        Ok(Self::Fixed(major, minor))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(major, minor) => write!(f, "{major}.{minor}"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// `linux-image-6.1.0-56-cloud-amd64` → `6.1.0-56-cloud-amd64`, the kernel's own `uname -r`.
pub(crate) fn kernel_of_package(package: &str) -> Option<&str> {
    package
        .strip_prefix(PREFIX)
        .filter(|version| SUFFIXES.iter().any(|suffix| version.ends_with(suffix)))
}

/// Every number in the version, in order; compares ABI versions as Debian counts them up.
/// A rebuild for an older release (`6.1.0-0.deb11.52`) sorts below the release's own.
fn numbers(version: &str) -> Vec<u64> {
    let of_machine = SUFFIXES
        .iter()
        .find_map(|suffix| version.strip_suffix(suffix));
    of_machine
        .unwrap_or(version)
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 10] = [
        "linux-image-5.10.0-9-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64",
        "linux-image-6.1-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64",
        "linux-image-6.1.0-9-cloud-amd64",
        "linux-image-6.1.0-56-cloud-amd64",
        "linux-image-6.1.0-57-cloud-amd64-unsigned",
        "linux-image-6.12.9+deb12-cloud-amd64",
        "linux-image-6.12.117+deb12-cloud-amd64",
        "linux-image-7.3.4+deb13-cloud-amd64",
    ];

    fn pick(series: &str) -> Option<&'static str> {
        series.parse::<Series>().unwrap().newest(NAMES.into_iter())
    }

    #[test]
    fn the_newest_abi_is_chosen_by_number_not_by_letter() {
        assert_eq!(pick("5.10"), Some("linux-image-5.10.0-46-cloud-amd64"));
        assert_eq!(pick("6.12"), Some("linux-image-6.12.117+deb12-cloud-amd64"));
    }

    #[test]
    fn metapackages_unsigned_images_and_rebuilds_are_passed_over() {
        assert_eq!(pick("6.1"), Some("linux-image-6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn latest_is_the_greatest_of_all_and_a_missing_series_is_none() {
        assert_eq!(pick("latest"), Some("linux-image-7.3.4+deb13-cloud-amd64"));
        assert_eq!(pick("6.6"), None);
    }

    #[test]
    fn cached_versions_follow_the_same_order() {
        let cached = ["6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64", "userland"];
        let series = Series::Fixed(6, 1);
        let newest = series.newest_cached(cached.into_iter().map(String::from));
        assert_eq!(newest.as_deref(), Some("6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn a_series_that_is_none_is_refused_by_name() {
        let error = "6".parse::<Series>().unwrap_err();
        assert!(error.contains("`6`"), "{error}");
    }
}
