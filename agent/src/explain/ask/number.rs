//! Numbers as they are written.

/// Nothing but digits.
pub(super) fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits only: `+5` is none.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    digits(text).then(|| text.parse().ok())?
}

/// With or without `0x`.
pub(super) fn hexadecimal(text: &str) -> Option<u64> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| u64::from_str_radix(text, 16).ok())?
}
