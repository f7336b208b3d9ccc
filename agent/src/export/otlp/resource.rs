//! Who speaks: the same in everything that is sent.

use std::path::Path;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value::{Attributes, text_value};

/// The conventions that names follow.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The program.
const NAME: &str = "finback";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The host, as its resource names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its machine id; the name where there is none.
    pub id: String,
    /// Changes with every boot.
    pub boot_id: String,
}

impl Host {
    /// This one, whose file system is mounted there.
    pub fn new(name: &str, boot_id: &str, root: &Path) -> Self {
        let id = std::fs::read_to_string(root.join("etc/machine-id"));
        let id = id.map(|id| id.trim().to_owned()).unwrap_or_default();
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self {
            name: name.to_owned(),
            id: if is_id { id } else { name.to_owned() },
            boot_id: boot_id.to_owned(),
        }
    }

    pub(super) fn resource(&self) -> Resource {
        let mut attributes = Attributes::default();
        for (key, text) in [
            ("service.name", NAME),
            ("service.version", VERSION),
            // There is one on each host.
            ("service.instance.id", &*self.id),
            ("host.name", &*self.name),
            ("host.id", &*self.id),
            ("os.type", "linux"),
        ] {
            attributes.put(key, text_value(text));
        }
        Resource {
            attributes: attributes.into_pairs(),
            ..Resource::default()
        }
    }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: NAME.to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_by_its_machine_id_or_by_its_name() {
        let root = tempfile::tempdir().unwrap();
        let id = || Host::new("web-1", "b", root.path()).id;
        assert_eq!(id(), "web-1");
        std::fs::create_dir(root.path().join("etc")).unwrap();
        let file = root.path().join("etc/machine-id");
        std::fs::write(&file, "uninitialized\n").unwrap();
        assert_eq!(id(), "web-1");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(id(), "0123456789abcdef0123456789abcdef");
    }
}
