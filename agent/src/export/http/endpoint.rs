//! Where to post: a URL, checked as a whole when it is read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hyper::Uri;
use hyper::header::HeaderValue;

/// A receiver: `http://host:port/path`, `https://…`, or `unix:/path/of/the.sock`. Shown without its path: that of some
/// services is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    origin: Origin,
    /// Begins with a slash, and ends with none.
    path: String,
    query: Option<String>,
}

/// Who is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A host.
    Tcp {
        /// Whether by TLS.
        encrypted: bool,
        /// Its name or address, that without brackets.
        host: String,
        port: u16,
    },
    /// A Unix socket of this host.
    Unix(PathBuf),
}

const EXAMPLE: &str =
    "use a URL, for example \"https://collector.example:4318\" or \"unix:/run/collector.sock\"";

impl Endpoint {
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether others cannot read what is posted.
    pub const fn is_encrypted(&self) -> bool {
        matches!(self.origin, Origin::Tcp { encrypted, .. } if encrypted)
    }

    /// Whether it is this path of its host that is meant, slashes at the end apart.
    pub fn ends_with(&self, path: &str) -> bool {
        self.path.ends_with(path)
    }

    /// What is asked for: something below this endpoint, its own query kept.
    pub(super) fn target(&self, below: &str) -> String {
        let path = match (&*self.path, below) {
            ("", "") => "/",
            (path, below) => &format!("{path}{below}"),
        };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    pub(super) fn host_header(&self) -> HeaderValue {
        let text = match &self.origin {
            Origin::Tcp {
                encrypted,
                host,
                port,
            } if *port == usual(*encrypted) => bracketed(host),
            Origin::Tcp { host, port, .. } => format!("{}:{port}", bracketed(host)),
            Origin::Unix(_) => "localhost".to_owned(),
        };
        // Was part of a URL: nothing in it is unfit.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("localhost"))
    }

    fn unix(path: &str) -> Result<Self, String> {
        if !Path::new(path).is_absolute() || path.chars().any(char::is_control) {
            return Err(
                "use an absolute path, for example \"unix:/run/collector.sock\"".to_owned(),
            );
        }
        Ok(Self {
            origin: Origin::Unix(path.into()),
            path: String::new(),
            query: None,
        })
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::unix(path);
        }
        if text.contains('#') {
            return Err("leave out the part after `#`: it is never sent".to_owned());
        }
        let uri: Uri = text.parse().map_err(|_any| EXAMPLE.to_owned())?;
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(EXAMPLE.to_owned()),
        };
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            origin: host(&uri, encrypted)?,
            path,
            query: uri.query().map(str::to_owned),
        })
    }
}

fn host(uri: &Uri, encrypted: bool) -> Result<Origin, String> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(
            "leave user and password out of the URL: write them as a header, for example authorization"
                .to_owned(),
        );
    }
    let host = uri.host().unwrap_or_default();
    let port = match authority.strip_prefix(host) {
        Some("") => Some(usual(encrypted)),
        _ => uri.port_u16(),
    };
    let port = port.filter(|port| *port != 0);
    let port = port.ok_or("use a port from 1 to 65535")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(EXAMPLE.to_owned());
    }
    Ok(Origin::Tcp {
        encrypted,
        host: host.to_owned(),
        port,
    })
}

const fn usual(encrypted: bool) -> u16 {
    if encrypted { 443 } else { 80 }
}

/// As an address of version 6 is written before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Tcp {
                encrypted,
                host,
                port,
            } => {
                let scheme = if *encrypted { "https" } else { "http" };
                write!(f, "{scheme}://{}:{port}", bracketed(host))
            }
            Origin::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn an_url_says_host_port_and_path() {
        for (text, shown, host, target) in [
            ("http://a", "http://a:80", "a", "/x"),
            ("https://a/", "https://a:443", "a", "/x"),
            ("http://a:4318/b/", "http://a:4318", "a:4318", "/b/x"),
            (
                "https://[::1]:4318/b?k=v",
                "https://[::1]:4318",
                "[::1]:4318",
                "/b/x?k=v",
            ),
            ("unix:/run/c.sock", "unix:/run/c.sock", "localhost", "/x"),
        ] {
            let endpoint = parse(text);
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(endpoint.host_header(), host);
            assert_eq!(endpoint.target("/x"), target);
        }
        assert_eq!(parse("http://a").target(""), "/");
        assert_eq!(parse("http://a/b?c").target(""), "/b?c");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_sentence() {
        for (text, said) in [
            ("", "use a URL"),
            ("collector:4318", "use a URL"),
            ("/v1/logs", "use a URL"),
            ("grpc://a:4317", "use a URL"),
            ("http://", "use a URL"),
            ("http://a b", "use a URL"),
            ("http://a\n", "use a URL"),
            ("http://u:p@a/", "leave user and password out"),
            ("http://a:0", "use a port"),
            ("http://a:65536", "use a port"),
            ("http://a:", "use a port"),
            ("http://a/#b", "leave out the part after `#`"),
            ("unix:run/c.sock", "use an absolute path"),
            ("unix:", "use an absolute path"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_path_is_never_shown() {
        let endpoint = parse("https://hooks.example/services/secret?token=secret");
        assert!(!format!("{endpoint} {endpoint:?}").contains("secret"));
    }
}
