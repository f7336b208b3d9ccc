//! The chart for Kubernetes, and the same as one plain file.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::archive;
use super::ground::{self, Ground};
use super::tree;

/// Makes both, and tells where they are.
///
/// # Errors
/// Something is missing.
pub(super) fn make(ground: &Ground, into: &Path) -> Result<Vec<PathBuf>> {
    let sources = ground.sources();
    let folder = ground.empty("chart")?;
    let chart = sources.join("helm/finback");
    for file in tree::files(&chart)? {
        let place = folder.join("finback").join(&file);
        ground::write(&place, 0o644, &ground::read(&chart.join(&file))?)?;
    }
    std::fs::create_dir_all(into)?;
    let tar = into.join(format!("finback-chart-{}.tar", ground.version));
    archive::tar(ground, &folder, &["finback"], &tar)?;
    archive::gzip(ground, &tar)?;
    let plain = into.join("finback-kubernetes.yaml");
    let text = ground::read(&sources.join("kubernetes/finback.yaml"))?;
    ground::write(&plain, 0o644, &text)?;
    Ok(vec![tar.with_extension("tar.gz"), plain])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_chart_has_the_version_of_the_program() {
        let chart = include_str!("../../../agent/package/helm/finback/Chart.yaml");
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            chart.contains(&format!("\nversion: {version}\n")),
            "{chart}"
        );
        assert!(
            chart.contains(&format!("\nappVersion: \"{version}\"\n")),
            "{chart}"
        );
    }
}
