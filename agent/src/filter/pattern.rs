//! Text with wildcards.

/// Text in which `*` stands for anything and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// As it is written.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it describes all of the text.
    pub(super) fn is(&self, text: &str) -> bool {
        glob(&self.0, text)
    }

    /// Whether it describes a part of the text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if self.0.contains(['*', '?']) {
            glob(&format!("*{}*", self.0), text)
        } else {
            text.contains(&self.0)
        }
    }
}

/// After a mismatch only the last `*` need take one character more: the cost is the product of both lengths at most.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last = None;
    loop {
        let (mut wanted, mut found) = (pattern.clone(), text.clone());
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern = wanted;
                last = Some((pattern.clone(), text.clone()));
                continue;
            }
            (Some(wants), Some(has)) if wants == '?' || wants == has => {
                (pattern, text) = (wanted, found);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = &mut last else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), from.clone());
    }
}
