//! The chart, by Helm and by Kubernetes' own schemas, where they are.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::package::ground::Ground;
use crate::process;
use crate::stage::Verdict;

/// What stands above the rendered chart in the plain file.
const HEAD: &str = "\
# The chart (helm/finback) with its defaults, for `kubectl apply --filename`. Written by `cargo xtask package --check`
# with BLESS=1; change the chart. Set the image to where you have pushed it.
apiVersion: v1
kind: Namespace
metadata:
  name: finback
  labels:
    pod-security.kubernetes.io/enforce: privileged
";

/// Settings that render every branch of the templates.
const OTHERS: &str = "stacks=true,history.enabled=false,metrics.enabled=false,priorityClassName=system-node-critical,\
                      podLabels.a=b,podAnnotations.c=d";

/// Renders the chart, compares it with the plain file, and asks `kubernetes-validate` (a Python package) about both.
pub(super) fn check(ground: &Ground) -> Result<Verdict> {
    if process::find("helm").is_none() {
        return Ok(Verdict::Skipped("there is no helm here".to_owned()));
    }
    let chart = ground.sources().join("helm/finback");
    let helm = |arguments: &[&str]| {
        let mut helm = Command::new("helm");
        process::output(helm.current_dir(&chart).args(arguments))
    };
    helm(&["lint", "--strict", "."])?;
    let template = ["template", "finback", ".", "--namespace", "finback"];
    let plain = format!("{HEAD}{}", helm(&template)?);
    let file = ground.sources().join("kubernetes/finback.yaml");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &plain)?;
    }
    ensure!(
        fs::read_to_string(&file)? == plain,
        "{} is not the chart: run this with BLESS=1",
        file.display()
    );
    let others = helm(&[&template[..], &["--set", OTHERS]].concat())?;
    let dir = tempfile::tempdir()?;
    let other_file = dir.path().join("others.yaml");
    fs::write(&other_file, others)?;
    if process::find("kubernetes-validate").is_none() {
        return Ok(Verdict::Skipped(
            "rendered, but there is no kubernetes-validate here".to_owned(),
        ));
    }
    valid(&file)?;
    valid(&other_file)?;
    Ok(Verdict::Passed)
}

fn valid(file: &Path) -> Result<()> {
    let mut validate = Command::new("kubernetes-validate");
    process::output(validate.arg("--strict").arg(file)).map(drop)
}
