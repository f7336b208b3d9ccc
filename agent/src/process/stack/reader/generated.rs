//! Names of generated code, from the list that a runtime keeps of it: `START SIZE NAME` in each line, in hexadecimal
//! (`tools/perf/Documentation/jit-interface.txt` of the kernel).

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};

use super::symbols::short;
use crate::process::stack::model::{Place, Reason};
use crate::process::stack::wire::Names;

/// Bytes of a list that are read at most.
const MAX: u64 = 64 << 20;

/// What the addresses are called, in the same order.
pub(super) fn names(map: &File, addresses: &[u64]) -> io::Result<Vec<Names>> {
    let mut found = vec![vec![Err(Reason::GeneratedCode)]; addresses.len()];
    for line in BufReader::new(map.take(MAX)).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let Some((start, end, name)) = parse(&line) else {
            continue;
        };
        for (address, names) in addresses.iter().zip(&mut found) {
            // The last one holds: code is thrown away, and its memory used again.
            if (start..end).contains(address) {
                *names = vec![Ok(Place {
                    function: short(name),
                    file: None,
                    line: None,
                    inlined: false,
                })];
            }
        }
    }
    Ok(found)
}

fn parse(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.trim().splitn(3, ' ');
    let mut number = || {
        let word = words.next()?;
        u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()
    };
    let (start, size) = (number()?, number()?);
    Some((start, start.checked_add(size)?, words.next()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_function_at_an_address_is_its_name() {
        let mut map = tempfile::tempfile().unwrap();
        map.write_all(b"1000 10 old\nrubbish\n1000 20 new one\nfffffffffffffff0 ff no\n")
            .unwrap();
        io::Seek::rewind(&mut map).unwrap();
        let found = names(&map, &[0x100f, 0x1020]).unwrap();
        let place = found[0][0].as_ref().unwrap();
        assert_eq!(&*place.function, "new one");
        assert_eq!(found[1], [Err(Reason::GeneratedCode)]);
    }
}
