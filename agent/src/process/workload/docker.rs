//! Names of Docker's containers: `containers/ID/config.v2.json` where Docker keeps its data.

use std::path::Path;

use serde::Deserialize;

use super::host::Host;
use super::model::{Known, Service};

const DATA: &str = "/var/lib/docker/containers";
/// Of a user's own Docker, in that user's home.
const AT_HOME: &str = ".local/share/docker/containers";
/// Longest file that is read, bytes: they have some kilobytes.
const MOST: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    name: String,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    labels: Option<Labels>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "com.docker.compose.project")]
    project: Option<Box<str>>,
    #[serde(rename = "com.docker.compose.service")]
    service: Option<Box<str>>,
}

pub(super) fn container(host: &Host, user: Option<u32>, id: &str) -> Option<Known> {
    let data = if user.is_some() { AT_HOME } else { DATA };
    let path = Path::new(data).join(id).join("config.v2.json");
    parse(&host.read(user, &path, MOST)?)
}

/// What the file says.
pub(super) fn parse(text: &[u8]) -> Option<Known> {
    let found: Container = serde_json::from_slice(text).ok()?;
    let service = found.config.labels.and_then(|labels| {
        Some(Service {
            project: labels.project?,
            name: labels.service?,
        })
    });
    let name = found.name.trim_start_matches('/');
    Some(Known {
        name: (!name.is_empty()).then(|| name.into()),
        service,
    })
}
