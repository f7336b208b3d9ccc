//! Which suite runs on which kernel with which flavours when all of them are meant.

use clap::ValueEnum;

use crate::vm::debian::series::Series;

use super::kind::{ALL, Suite};

/// The kernels of the matrix: the oldest that is supported, what two releases of Debian have, the newest.
const OLDEST: Series = Series::Fixed(5, 10);
const MIDDLE: [(Series, &[&str]); 2] = [
    (Series::Fixed(6, 1), &["fentry"]),
    (Series::Fixed(6, 12), &["tracepoint"]),
];
const NEWEST: Series = Series::Latest;

/// How much of all kernels and flavours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Matrix {
    /// Each kernel with a flavour of its own, so that each flavour is somewhere
    Pairs,
    /// The oldest and the newest kernel with every flavour, the others in pairs
    Ends,
    /// Every kernel with every flavour
    Full,
}

/// What one guest runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) suite: Suite,
    pub(crate) series: Series,
    /// Values for `--attach`, one after the other.
    pub(crate) flavours: Vec<String>,
    /// Also what no flavour changes.
    pub(crate) whole: bool,
}

impl Cell {
    /// Everything that the suite has, on this kernel.
    pub(crate) fn full(suite: Suite, series: Series) -> Self {
        Self::new(suite, series, suite.flavours())
    }

    fn new(suite: Suite, series: Series, flavours: &[&str]) -> Self {
        Self {
            suite,
            series,
            flavours: flavours.iter().copied().map(String::from).collect(),
            whole: true,
        }
    }
}

impl Matrix {
    /// The guests, those that take longest first.
    pub(crate) fn cells(self) -> Vec<Cell> {
        let (mut cells, rest) = match self {
            Self::Pairs => (
                vec![
                    Cell::new(Suite::Live, NEWEST, &["fentry", "kprobe"]),
                    Cell::new(Suite::Live, OLDEST, &["kprobe"]),
                ],
                Self::pairs(),
            ),
            Self::Ends => (
                [NEWEST, OLDEST]
                    .map(|series| Cell::new(Suite::Live, series, &ALL))
                    .into(),
                Self::pairs(),
            ),
            Self::Full => {
                let kernels = [NEWEST, MIDDLE[1].0, MIDDLE[0].0, OLDEST];
                let live = kernels.map(|series| Cell::full(Suite::Live, series));
                // Between the ends the long timers have not changed, and every hook is in the live tests.
                let ends = [Suite::Corpus, Suite::Timers]
                    .into_iter()
                    .flat_map(|suite| [NEWEST, OLDEST].map(|series| Cell::full(suite, series)));
                (live.into(), ends.collect())
            }
        };
        cells.extend(rest);
        cells
    }

    /// The kernels between the ends with what flavours change, and the other suites once with each end.
    fn pairs() -> Vec<Cell> {
        let live = MIDDLE.map(|(series, flavours)| Cell {
            whole: false,
            ..Cell::new(Suite::Live, series, flavours)
        });
        let rest = [
            Cell::new(Suite::Corpus, OLDEST, &["kprobe"]),
            Cell::new(Suite::Corpus, NEWEST, &["fentry"]),
            Cell::new(Suite::Timers, OLDEST, &["tracepoint"]),
            Cell::new(Suite::Timers, NEWEST, &["auto"]),
        ];
        live.into_iter().chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(matrix: Matrix) -> Vec<(String, String)> {
        let cells = matrix.cells().into_iter();
        let mut pairs: Vec<_> = cells
            .filter(|cell| cell.suite == Suite::Live)
            .flat_map(|cell| {
                let series = cell.series.to_string();
                cell.flavours
                    .into_iter()
                    .map(move |flavour| (series.clone(), flavour))
            })
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn pairs_are_those_that_were_agreed_on() {
        let wanted = [
            ("5.10", "kprobe"),
            ("6.1", "fentry"),
            ("6.12", "tracepoint"),
            ("latest", "fentry"),
            ("latest", "kprobe"),
        ];
        assert_eq!(
            live(Matrix::Pairs),
            wanted.map(|(series, flavour)| (series.to_owned(), flavour.to_owned()))
        );
    }

    #[test]
    fn each_matrix_holds_the_smaller_one() {
        let [pairs, ends, full] = [Matrix::Pairs, Matrix::Ends, Matrix::Full].map(live);
        assert!(pairs.iter().all(|pair| ends.contains(pair)));
        assert!(ends.iter().all(|pair| full.contains(pair)));
        assert_eq!((pairs.len(), ends.len(), full.len()), (5, 8, 12));
    }

    #[test]
    fn no_suite_is_left_out() {
        for matrix in [Matrix::Pairs, Matrix::Ends, Matrix::Full] {
            for suite in Suite::value_variants() {
                assert!(matrix.cells().iter().any(|cell| cell.suite == *suite));
            }
        }
    }
}
