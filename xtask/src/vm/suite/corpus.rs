//! The scenario corpus in guests: its programs are compiled on the host and packed.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    process, runtimes,
    vm::{
        debian::series::Series,
        image::{
            built::Built,
            initramfs::{GuestFile, Step},
        },
        output,
    },
};

/// Test target of the package.
const CORPUS: &str = "corpus";

/// What to play.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    /// Values for `--attach`, one after the other.
    pub(crate) attach: Vec<String>,
    /// Only scenarios whose name contains this.
    pub(crate) filter: Option<String>,
}

impl Default for Corpus {
    /// Everything, with the flavours that a host may not have.
    fn default() -> Self {
        Self {
            attach: ["kprobe", "fentry"].map(String::from).into(),
            filter: None,
        }
    }
}

/// Builds corpus and agent and packs the programs; returns what must be copied into a guest. Copies go to `dir`.
pub(crate) fn files(dir: &Path) -> Result<Vec<GuestFile>> {
    runtimes::ensure_compilers()?;
    let built = Built::new(dir, &[CORPUS])?;
    output::note("packing the corpus");
    let folder = dir.join(CORPUS);
    let mut pack = Command::new(built.on_host("test", CORPUS)?);
    process::output(pack.env("FINBACK_CORPUS_PACK", &folder))?;
    Ok(vec![
        built.agent()?,
        built.test(CORPUS)?,
        GuestFile {
            host: folder,
            guest: "/programs".into(),
        },
    ])
}

/// One step for each flavour.
pub(crate) fn steps(series: Series, corpus: &Corpus) -> Vec<Step> {
    let step = |attach: &String| {
        let env = [
            ("FINBACK_BIN", "/finback"),
            ("FINBACK_CORPUS", "/programs"),
            ("FINBACK_TEST_ATTACH", attach),
            ("FINBACK_GUEST_KERNEL", &series.to_string()),
        ];
        let mut step = Step::test(&format!("{attach} {CORPUS}"), CORPUS, &env);
        step.command.extend(corpus.filter.clone());
        step
    };
    corpus.attach.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flavour_plays_what_was_asked_for() {
        let corpus = Corpus {
            filter: Some("S17".into()),
            ..Corpus::default()
        };
        let steps = steps("5.10".parse().unwrap(), &corpus);
        let labels: Vec<_> = steps.iter().map(|step| step.label.as_str()).collect();
        assert_eq!(labels, ["kprobe corpus", "fentry corpus"]);
        assert!(steps.iter().all(|step| step.command == ["/corpus", "S17"]));
    }
}
