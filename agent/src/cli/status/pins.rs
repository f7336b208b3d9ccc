//! What is pinned, for people.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::kernel::pin::{self, Refusal};

/// Of `/v1/status`, or of the folder itself if no daemon runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pins {
    pub(super) folder: Option<String>,
    reason: Option<String>,
    abi: u32,
    #[serde(default)]
    resumed: bool,
    #[serde(default)]
    uninterrupted: bool,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    left_out: Vec<LeftOut>,
    #[serde(default, rename = "pins")]
    all: Vec<Pin>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LeftOut {
    name: String,
    reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pin {
    name: String,
    abi: u32,
    kind: String,
    id: Option<u32>,
    bytes: Option<u64>,
    in_use: bool,
}

impl Pins {
    /// Of a folder that no daemon was asked about.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, Refusal> {
        let pins = pin::list(folder)?.into_iter().map(|pin| Pin {
            name: pin.name,
            abi: pin.abi,
            kind: pin.kind.name().to_owned(),
            id: pin.id,
            bytes: pin.bytes,
            in_use: false,
        });
        Ok(Self {
            folder: Some(folder.display().to_string()),
            reason: None,
            abi: finback_common::ABI_VERSION,
            resumed: false,
            uninterrupted: false,
            notes: Vec::new(),
            left_out: Vec::new(),
            all: pins.collect(),
        })
    }

    /// One line of the page.
    pub(super) fn line(&self) -> String {
        let Some(folder) = &self.folder else {
            let reason = self.reason.as_deref().unwrap_or("unknown");
            return format!("pins: none, {reason}");
        };
        let count = |kind: &str| self.all.iter().filter(|pin| pin.kind == kind).count();
        let (links, maps) = (count("link"), count("map"));
        let gap = match (self.resumed, self.uninterrupted) {
            (true, true) => "; no gap since the daemon before",
            (true, false) => "; tables of the daemon before",
            (false, _) => "",
        };
        format!("pins: {links} programs and {maps} tables in {folder}{gap}")
    }
}

impl Display for Pins {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line())?;
        for pin in &self.all {
            let Pin {
                name, abi, kind, ..
            } = pin;
            let id = pin.id.map_or_else(|| "-".to_owned(), |id| id.to_string());
            let size = pin
                .bytes
                .map_or_else(String::new, |bytes| format!("{bytes} bytes"));
            let used = if pin.in_use { "in use" } else { "not in use" };
            writeln!(
                f,
                "  v{abi} {kind:<5} {name:<24} id {id:<6} {used:<10} {size}"
            )?;
        }
        for LeftOut { name, reason } in &self.left_out {
            writeln!(f, "  not pinned: {name}: {reason}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_pin_is_shown_with_whether_it_is_in_use_and_what_is_not_pinned_with_its_reason() {
        let pins: Pins = serde_json::from_value(json!({
            "folder": "/sys/fs/bpf/finback", "reason": null, "abi": 3, "resumed": true, "uninterrupted": true,
            "notes": ["/sys/fs/bpf/finback/v3/HALF is begun anew: key_size is 8, not 4"],
            "left_out": [{"name": "kp_tcp_fin", "reason": "no link"}],
            "pins": [
                {"name": "HALF", "abi": 3, "kind": "map", "id": 7, "bytes": 4_194_304, "in_use": true},
                {"name": "tp_tcp_destroy_sock", "abi": 3, "kind": "link", "id": 12, "bytes": null, "in_use": false},
            ],
        }))
        .unwrap();
        let expected = "\
pins: 1 programs and 1 tables in /sys/fs/bpf/finback; no gap since the daemon before
  v3 map   HALF                     id 7      in use     4194304 bytes
  v3 link  tp_tcp_destroy_sock      id 12     not in use 
  not pinned: kp_tcp_fin: no link
  note: /sys/fs/bpf/finback/v3/HALF is begun anew: key_size is 8, not 4
";
        assert_eq!(pins.to_string(), expected);
        let none: Pins =
            serde_json::from_value(json!({"folder": null, "reason": "off", "abi": 3})).unwrap();
        assert_eq!(none.to_string(), "pins: none, off\n");
    }
}
