//! The scenario corpus in guests: its programs are compiled on the host and packed.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{
    process, runtimes,
    vm::{
        debian::arch::Arch,
        image::{
            built::Built,
            initramfs::{GuestFile, Step},
        },
        output,
    },
};

use super::matrix::Cell;

/// Test target of the package.
const CORPUS: &str = "corpus";

/// What to play.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corpus {
    /// Values for `--attach`, one after the other.
    pub(crate) attach: Vec<String>,
    /// Only scenarios whose name contains this.
    pub(crate) filter: Option<String>,
}

/// Builds corpus and agent and packs the programs; returns what must be copied into a guest. Copies go to `dir`.
pub(crate) fn files(arch: Arch, dir: &Path) -> Result<Vec<GuestFile>> {
    ensure!(
        arch == Arch::Amd64,
        "its programs are compiled for this machine"
    );
    runtimes::ensure_compilers()?;
    let built = Built::new(arch, dir, &[CORPUS])?;
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
pub(crate) fn steps(cell: &Cell, filter: Option<&str>) -> Vec<Step> {
    let step = |attach: &String| {
        let env = [
            ("FINBACK_BIN", "/finback".to_owned()),
            ("FINBACK_CORPUS", "/programs".to_owned()),
            ("FINBACK_TEST_ATTACH", attach.clone()),
            ("FINBACK_GUEST_KERNEL", cell.series.to_string()),
        ];
        let mut step = Step::test(&format!("{attach} {CORPUS}"), CORPUS, &env);
        step.in_a_row = false;
        step.command.extend(filter.map(str::to_owned));
        step
    };
    cell.flavours.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::{debian::series::Series, suite::kind::Suite};

    #[test]
    fn each_flavour_plays_what_was_asked_for() {
        let steps = steps(&Cell::full(Suite::Corpus, Series::Latest), Some("S17"));
        let labels: Vec<_> = steps.iter().map(|step| step.label.as_str()).collect();
        assert_eq!(labels, ["kprobe corpus", "fentry corpus"]);
        assert!(steps.iter().all(|step| step.command == ["/corpus", "S17"]));
    }
}
