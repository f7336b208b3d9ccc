//! Names that others have made.

use crate::output::text::clean;

/// No name needs more; a longer one is cut.
const LONGEST: usize = 128;

/// Fit to be a label's value: bounded, and without what moves a cursor.
pub(super) fn name(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST);
    clean(text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_bounded_and_moves_no_cursor() {
        assert_eq!(name("a\n\u{1b}[2Jb\u{202e}"), "a??[2Jb?");
        let long = name(&"é".repeat(1000));
        assert!(long.len() <= LONGEST && long.starts_with('é'));
    }
}
