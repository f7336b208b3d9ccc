//! `cargo xtask package`: what people install, made from a release build: `.deb`, `.rpm`, a static program for every
//! Linux, a container image, a chart.
//!
//! The distributions' own programs pack (dpkg-deb, rpmbuild, tar); what they need beside the sources is in
//! `agent/package`. The same sources give the same bytes wherever and whenever: files are as old as the last commit,
//! owned by root and in order, and the program names no folder of this machine.

mod archive;
mod audit;
mod binary;
mod chart;
mod check;
mod deb;
mod glibc;
mod ground;
mod image;
mod made;
mod musl;
mod reproduce;
mod rpm;
mod sbom;
mod tarball;
mod tool;
mod tree;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum as _;

use self::ground::Ground;
use self::made::Kind;

pub(crate) use self::audit::run as audit;
pub(crate) use self::check::stage;

/// What to make, and whether to try it.
#[derive(Debug, clap::Args)]
pub(crate) struct PackageArgs {
    /// Only these, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Of the packaging, counted from 1 for each version
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    revision: u32,
    /// Then tries them: the .deb in a Debian guest with systemd (installed, upgraded, removed, purged), the unit, the
    /// tarball, the image, the chart
    #[arg(long)]
    check: bool,
    /// The .deb that is upgraded from, of any earlier commit. Without it: this one is upgraded to a development build
    #[arg(long, requires = "check", value_name = "FILE")]
    upgrade_from: Option<PathBuf>,
    /// Builds twice, here and in a clone of the last commit in another folder, and compares what comes out. Takes long
    #[arg(long, conflicts_with = "check")]
    reproduce: bool,
}

/// Makes what is asked for and prints where it is.
///
/// # Errors
/// Something is missing, does not build, or does not hold.
pub(crate) fn run(args: &PackageArgs) -> Result<()> {
    let ground = Ground::new(args.revision)?;
    if args.reproduce {
        return reproduce::run(&ground, &args.kinds());
    }
    for file in made::make(&ground, &args.kinds())? {
        println!("{}", file.display());
    }
    if args.check {
        let from = args.upgrade_from.as_deref();
        ensure!(check::run(&ground, from), "not all of it holds");
    }
    Ok(())
}

impl PackageArgs {
    fn kinds(&self) -> Vec<Kind> {
        if self.only.is_empty() {
            return Kind::value_variants().to_vec();
        }
        self.only.clone()
    }
}
