//! Trouble: faults provoked with the programs of ordinary life, each with what must be said of it.

mod away;
mod held;
mod kind;
mod stuck;

pub(super) use self::kind::{Fault, PREFIX, Wants};

/// Those whose name contains `part`.
pub(super) fn faults(part: Option<&str>) -> Vec<Fault> {
    let wanted = |fault: &&Fault| part.is_none_or(|part| fault.name.contains(part));
    let all = [stuck::FAULTS, held::FAULTS, away::FAULTS];
    all.into_iter().flatten().filter(wanted).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_faults_and_each_says_when_it_begins() {
        let faults = faults(None);
        assert!(faults.len() >= 15);
        for fault in faults {
            assert!(fault.line.contains("mark"), "{}", fault.name);
        }
    }
}
