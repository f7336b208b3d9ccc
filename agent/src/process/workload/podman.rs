//! Names of Podman's containers: lists below its storage, root's or a user's own.

use std::path::Path;

use serde::Deserialize;

use super::host::Host;
use super::model::Known;

/// Where root's are, and those that do not outlive a boot.
const STORAGE: [&str; 2] = ["/var/lib/containers/storage", "/run/containers/storage"];
/// Where a user's are, in that user's home.
const AT_HOME: [&str; 1] = [".local/share/containers/storage"];
/// Containers that are kept when they end, and those that are not (`--rm`).
const LISTS: [&str; 2] = [
    "overlay-containers/containers.json",
    "overlay-containers/volatile-containers.json",
];
/// Longest list that is read, bytes: a container takes about one kilobyte.
const MOST: u64 = 8 << 20;

#[derive(Deserialize)]
struct Container {
    id: String,
    #[serde(default)]
    names: Option<Vec<Box<str>>>,
}

pub(super) fn container(host: &Host, user: Option<u32>, id: &str) -> Option<Known> {
    let storages: &[&str] = if user.is_some() { &AT_HOME } else { &STORAGE };
    let lists = storages
        .iter()
        .flat_map(|storage| LISTS.map(|list| Path::new(storage).join(list)));
    let name = lists
        .into_iter()
        .find_map(|list| name_in(&host.read(user, &list, MOST)?, id));
    name.map(|name| Known {
        name: Some(name),
        service: None,
    })
}

/// The first name that a list has for the container with this id.
pub(super) fn name_in(list: &[u8], id: &str) -> Option<Box<str>> {
    let all: Vec<Container> = serde_json::from_slice(list).ok()?;
    let found = all.into_iter().find(|container| container.id == id)?;
    found.names?.into_iter().next()
}
