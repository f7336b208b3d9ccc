//! Which folder of a crate may import from which.
//!
//! tidy: table

/// The rules of one crate.
#[derive(Debug)]
pub(crate) struct Crate {
    /// Where its sources are, from the repository's root.
    pub(crate) source: &'static str,
    /// Folders, or files at the top, each with those that it may import from besides itself. Where one lies in
    /// another, the inner one's rule counts. What is not named has no rule: it may not be there yet.
    pub(crate) layers: &'static [(&'static str, &'static [&'static str])],
}

/// Every crate of the workspace.
pub(crate) const CRATES: [Crate; 5] = [
    Crate {
        source: "agent/core/src",
        layers: &[
            ("model", &[]),
            ("settings", &["model"]),
            ("connection", &["model"]),
            ("outbox", &["model"]),
            ("looks", &["model"]),
            ("verdict", &["connection", "model", "settings"]),
            (
                "watch",
                &["connection", "model", "outbox", "settings", "verdict"],
            ),
            ("stream", &["connection", "model", "outbox", "settings"]),
            ("incident", &["model", "outbox", "settings", "verdict"]),
            ("memory", &["connection", "incident", "model", "watch"]),
            (
                "engine",
                &[
                    "connection",
                    "incident",
                    "looks",
                    "memory",
                    "model",
                    "outbox",
                    "settings",
                    "stream",
                    "watch",
                ],
            ),
            ("input", &["engine", "memory", "model", "settings"]),
        ],
    },
    Crate {
        source: "agent/src",
        layers: &[
            ("kernel/address", &[]),
            ("kernel/btf", &[]),
            ("kernel/cgroup", &["lossy"]),
            ("kernel/clock", &[]),
            ("kernel/sys", &[]),
            ("kernel/error", &["kernel/btf"]),
            ("kernel/count", &["kernel/error"]),
            (
                "kernel/table",
                &["kernel/clock", "kernel/error", "kernel/sys"],
            ),
            ("kernel/pin", &["kernel/sys"]),
            ("kernel/processes", &["kernel/cgroup"]),
            ("kernel/netns", &["kernel/address"]),
            (
                "kernel/load",
                &[
                    "kernel/btf",
                    "kernel/count",
                    "kernel/error",
                    "kernel/pin",
                    "kernel/sys",
                    "kernel/table",
                ],
            ),
            (
                "kernel/record",
                &[
                    "kernel/address",
                    "kernel/cgroup",
                    "kernel/clock",
                    "kernel/error",
                    "kernel/processes",
                    "kernel/sys",
                ],
            ),
            (
                "kernel/snapshot",
                &[
                    "kernel/address",
                    "kernel/cgroup",
                    "kernel/clock",
                    "kernel/error",
                    "kernel/netns",
                    "kernel/processes",
                    "kernel/sys",
                    "kernel/table",
                    "lossy",
                ],
            ),
            (
                "kernel",
                &[
                    "kernel/cgroup",
                    "kernel/clock",
                    "kernel/count",
                    "kernel/error",
                    "kernel/load",
                    "kernel/pin",
                    "kernel/processes",
                    "kernel/record",
                    "kernel/snapshot",
                    "kernel/sys",
                    "kernel/table",
                ],
            ),
            ("process", &["lossy"]),
            ("process/stack/model", &[]),
            ("process/stack/wire", &["process/stack/model"]),
            // Parses what other users have made, without any right: it has no use for the rest.
            (
                "process/stack/reader",
                &["process/stack/model", "process/stack/wire"],
            ),
            (
                "process/stack",
                &[
                    "kernel/clock",
                    "kernel/record",
                    "lossy",
                    "process",
                    "process/stack/model",
                    "process/stack/reader",
                    "process/stack/wire",
                ],
            ),
            ("refusal", &[]),
            ("client", &["refusal"]),
            ("lossy", &[]),
            ("value", &[]),
            (
                "config",
                &[
                    "export/http",
                    "filter",
                    "kernel",
                    "kernel/load",
                    "kernel/pin",
                    "output/select",
                    "remedy/policy",
                    "value",
                ],
            ),
            ("frame", &[]),
            ("metrics/alerts", &[]),
            ("metrics/dashboard", &[]),
            ("metrics/family", &[]),
            ("metrics/text", &["metrics/family", "metrics/kit"]),
            ("metrics/kit", &["metrics/family"]),
            (
                "metrics",
                &[
                    "history",
                    "kernel/load",
                    "metrics/family",
                    "metrics/kit",
                    "output/clock",
                    "output/samples",
                    "output/text",
                    "process",
                ],
            ),
            ("moment", &["output/clock"]),
            ("output/clock", &[]),
            ("output/select", &[]),
            (
                "output/json",
                &["output/clock", "process", "process/stack/model"],
            ),
            ("output/text", &["output/clock", "output/json"]),
            (
                "output/table",
                &["output/clock", "output/json", "output/text"],
            ),
            (
                "output/feed",
                &[
                    "filter",
                    "output/clock",
                    "output/json",
                    "output/select",
                    "output/text",
                ],
            ),
            ("output/sink", &["output/feed"]),
            ("export/http", &["output/text"]),
            ("filter", &["output/clock", "output/json", "value"]),
            (
                "output/samples",
                &[
                    "output/clock",
                    "output/json",
                    "process",
                    "process/stack/model",
                ],
            ),
            ("audit", &["output/json", "output/text"]),
            ("kill", &["output/json", "output/text"]),
            // What the configuration may say; what is done about it lies above the server, of which it asks looks.
            ("remedy/policy", &["export/http", "filter", "output/json"]),
            (
                "remedy",
                &[
                    "export/http",
                    "filter",
                    "kernel/netns",
                    "kill",
                    "metrics",
                    "metrics/family",
                    "metrics/kit",
                    "output/feed",
                    "output/json",
                    "output/text",
                    "process",
                    "remedy/policy",
                    "server",
                ],
            ),
            (
                "history",
                &["frame", "output/clock", "output/feed", "output/json"],
            ),
            ("export/outbox", &["output/clock", "output/text"]),
            (
                "export/otlp",
                &[
                    "export",
                    "export/http",
                    "export/outbox",
                    "metrics/family",
                    "output/clock",
                    "output/feed",
                    "output/json",
                    "output/select",
                    "output/text",
                ],
            ),
            (
                "export",
                &[
                    "export/http",
                    "export/outbox",
                    "metrics",
                    "metrics/family",
                    "metrics/kit",
                    "output/clock",
                    "output/feed",
                    "output/json",
                    "output/text",
                    "process",
                ],
            ),
            ("privilege", &[]),
            ("memory", &[]),
            (
                "recording",
                &[
                    "frame",
                    "output/clock",
                    "output/json",
                    "output/select",
                    "process",
                ],
            ),
            (
                "server",
                &[
                    "explain",
                    "explain/ask",
                    "filter",
                    "history",
                    "metrics",
                    "metrics/family",
                    "metrics/text",
                    "moment",
                    "output/clock",
                    "output/feed",
                    "output/json",
                    "output/select",
                    "process",
                    "refusal",
                ],
            ),
            (
                "survey",
                &[
                    "config",
                    "kernel",
                    "kernel/clock",
                    "kernel/error",
                    "kernel/load",
                    "kernel/netns",
                    "kernel/snapshot",
                    "output/clock",
                    "output/json",
                    "process",
                ],
            ),
            (
                "source",
                &[
                    "bundle",
                    "bundle/lines",
                    "client",
                    "config",
                    "filter",
                    "history",
                    "kernel/error",
                    "kernel/load",
                    "output/clock",
                    "output/json",
                    "output/select",
                    "recording",
                    "survey",
                ],
            ),
            (
                "tui",
                &["output/clock", "output/json", "output/table", "output/text"],
            ),
            // Parses what people have pasted, and needs nothing for it.
            ("explain/ask", &[]),
            (
                "explain",
                &[
                    "explain/ask",
                    "output/clock",
                    "output/json",
                    "output/table",
                    "output/text",
                    "process",
                ],
            ),
            // Read by `source`, to which a page is a file of lines.
            ("bundle/lines", &[]),
            (
                "bundle",
                &[
                    "bundle/lines",
                    "explain",
                    "explain/ask",
                    "output/clock",
                    "output/json",
                    "output/text",
                ],
            ),
            (
                "daemon",
                &[
                    "config",
                    "export",
                    "export/http",
                    "export/otlp",
                    "export/outbox",
                    "filter",
                    "history",
                    "kernel",
                    "kernel/clock",
                    "kernel/error",
                    "kernel/load",
                    "kernel/netns",
                    "kernel/pin",
                    "kernel/snapshot",
                    "memory",
                    "metrics",
                    "metrics/family",
                    "output/clock",
                    "output/feed",
                    "output/json",
                    "output/select",
                    "output/sink",
                    "privilege",
                    "process",
                    "process/stack",
                    "process/stack/model",
                    "recording",
                    "remedy",
                    "remedy/policy",
                    "server",
                ],
            ),
            ("exec/judge", &["output/clock", "output/json"]),
            ("exec/report", &["exec/judge", "output/json", "output/text"]),
            (
                "exec/held",
                &["exec/judge", "output/clock", "output/json", "process"],
            ),
            ("exec/group", &["kernel/cgroup"]),
            (
                "exec/tree",
                &[
                    "exec/group",
                    "output/clock",
                    "process",
                    "process/stack/reader",
                ],
            ),
            (
                "exec",
                &[
                    "config",
                    "daemon",
                    "exec/command",
                    "exec/held",
                    "exec/judge",
                    "exec/tree",
                    "output/clock",
                    "output/select",
                ],
            ),
            ("exec/command", &[]),
            (
                "cli",
                &[
                    "audit",
                    "bundle",
                    "client",
                    "config",
                    "daemon",
                    "exec",
                    "exec/command",
                    "exec/judge",
                    "exec/report",
                    "explain",
                    "explain/ask",
                    "export",
                    "export/http",
                    "filter",
                    "history",
                    "kernel",
                    "kernel/error",
                    "kernel/load",
                    "kernel/netns",
                    "kernel/pin",
                    "kill",
                    "metrics/alerts",
                    "metrics/dashboard",
                    "moment",
                    "output/clock",
                    "output/feed",
                    "output/json",
                    "output/select",
                    "output/sink",
                    "output/table",
                    "output/text",
                    "process/stack/reader",
                    "recording",
                    "remedy",
                    "server",
                    "source",
                    "survey",
                    "tui",
                ],
            ),
        ],
    },
    Crate {
        source: "common/src",
        layers: &[],
    },
    Crate {
        source: "ebpf/src",
        layers: &[
            ("signal", &[]),
            ("programs", &["signal"]),
            ("iterator", &[]),
        ],
    },
    Crate {
        source: "xtask/src",
        layers: &[
            ("failures", &[]),
            ("interrupt", &[]),
            ("parallel", &[]),
            ("process", &[]),
            ("summary", &[]),
            ("table", &[]),
            ("timing", &["failures"]),
            ("workspace", &[]),
            ("apt", &["process"]),
            ("install", &["process", "workspace"]),
            ("toolchain", &["apt", "install", "process", "workspace"]),
            ("runtimes", &["apt", "process"]),
            ("stage", &["failures", "process", "summary", "timing"]),
            ("vm/output", &[]),
            ("cross", &["apt", "process"]),
            ("strip", &["process"]),
            ("vm/debian", &["apt", "cross", "process", "vm/output"]),
            (
                "vm/image",
                &[
                    "cross",
                    "process",
                    "strip",
                    "toolchain",
                    "vm/debian",
                    "vm/output",
                    "workspace",
                ],
            ),
            (
                "vm/machine",
                &["summary", "timing", "vm/debian", "vm/image", "vm/output"],
            ),
            (
                "vm/suite",
                &[
                    "process",
                    "runtimes",
                    "vm/debian",
                    "vm/image",
                    "vm/machine",
                    "vm/output",
                    "workspace",
                ],
            ),
            (
                "vm",
                &[
                    "parallel",
                    "process",
                    "runtimes",
                    "summary",
                    "timing",
                    "toolchain",
                    "vm/debian",
                    "vm/image",
                    "vm/machine",
                    "vm/output",
                    "vm/suite",
                    "workspace",
                ],
            ),
            ("agent", &["process", "toolchain", "workspace"]),
            (
                "fuzz",
                &[
                    "install",
                    "parallel",
                    "process",
                    "summary",
                    "toolchain",
                    "workspace",
                ],
            ),
            (
                "package",
                &[
                    "agent",
                    "apt",
                    "install",
                    "process",
                    "stage",
                    "strip",
                    "summary",
                    "toolchain",
                    "vm",
                    "workspace",
                ],
            ),
            ("test/binaries", &["timing", "workspace"]),
            ("soak", &["agent", "process", "test/binaries", "workspace"]),
            (
                "arm64",
                &["cross", "process", "toolchain", "vm", "workspace"],
            ),
            ("zoo/judge", &[]),
            ("zoo/life", &[]),
            ("zoo/trouble", &[]),
            ("zoo/root", &["apt", "process", "vm", "workspace"]),
            ("zoo/cage", &["process", "workspace", "zoo/root"]),
            (
                "zoo/report",
                &[
                    "table",
                    "workspace",
                    "zoo/cage",
                    "zoo/judge",
                    "zoo/life",
                    "zoo/trouble",
                ],
            ),
            (
                "zoo",
                &[
                    "agent",
                    "interrupt",
                    "process",
                    "workspace",
                    "zoo/cage",
                    "zoo/judge",
                    "zoo/life",
                    "zoo/report",
                    "zoo/root",
                    "zoo/trouble",
                ],
            ),
        ],
    },
];

/// The rule that an import from one module to another breaks.
pub(crate) fn broken(of: &Crate, from: &[String], to: &[String]) -> Option<String> {
    let (from, may) = layer(of, from)?;
    let (to, _) = layer(of, to)?;
    let allowed = from == to || may.contains(&to);
    (!allowed).then(|| match may {
        [] => format!("`{from}` imports from nothing else in its crate"),
        may => format!("`{from}` may import from {} only", may.join(", ")),
    })
}

/// The innermost layer that a module lies in.
fn layer(of: &Crate, module: &[String]) -> Option<(&'static str, &'static [&'static str])> {
    let path = module.join("/");
    let holds = |name: &str| {
        path.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let layers = of.layers.iter().filter(|(name, _)| holds(name));
    layers.max_by_key(|(name, _)| name.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_folder_s_rule_counts() {
        let of = Crate {
            source: "a/src",
            layers: &[("low", &[]), ("high", &[]), ("high/part", &["low"])],
        };
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let broken = |from, to| broken(&of, &module(from), &module(to));
        assert_eq!(broken("high/part/file", "low/file"), None);
        assert!(broken("high/file", "low/file").is_some());
        assert!(broken("low/file", "high").is_some());
        assert_eq!(broken("not_named", "high"), None);
        assert_eq!(broken("highest", "low"), None);
    }

    #[test]
    fn every_layer_that_is_named_by_another_is_named_itself() {
        for of in &CRATES {
            let names: Vec<_> = of.layers.iter().map(|(name, _)| *name).collect();
            for may in of.layers.iter().flat_map(|(_, may)| *may) {
                assert!(names.contains(may), "{}: {may}", of.source);
            }
        }
    }
}
