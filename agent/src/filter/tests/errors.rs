//! What is said about a wrong filter, and where.

use super::super::{Error, Filter, MAX_LENGTH};

fn error(text: &str) -> Error {
    text.parse::<Filter>().expect_err(text)
}

/// Filter, column, and a part of what is said.
fn expect(cases: &[(&str, usize, &str)]) {
    for (text, column, part) in cases {
        let error = error(text);
        let told = format!("{error}; {}", error.help());
        assert_eq!(error.column(), *column, "{text}: {told}");
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn a_misspelt_word_is_guessed() {
    expect(&[
        ("stat close-wait", 1, "did you mean `state`?"),
        ("state close-wiat", 7, "did you mean `close_wait`?"),
        ("verdict not_close", 9, "did you mean `not_closed`?"),
        ("pid = 1 and severty info", 13, "did you mean `severity`?"),
        ("zzz", 1, "use one of state, src"),
        ("severity huge", 10, "use one of info, warning, critical"),
    ]);
}

#[test]
fn a_value_without_its_word_is_told_which() {
    expect(&[
        ("close-wait", 1, "did you mean `state close-wait`?"),
        ("not_closed", 1, "did you mean `verdict not_closed`?"),
        ("pid = 1 critical", 9, "did you mean `severity critical`?"),
    ]);
}

#[test]
fn a_wrong_value_is_told_what_is_accepted() {
    expect(&[
        ("pid = x", 7, "`x` is not a number; use a whole number"),
        ("cookie sk:xyz", 8, "hexadecimal"),
        ("age > 30", 7, "for example 500ms, 10s"),
        ("unread > 4q", 10, "for example 64KiB"),
        ("sport = :htps", 9, "a port's number"),
        ("sport = 65536", 9, "a port's number"),
        ("dst example.com", 5, "names of hosts are not looked up"),
        ("dst 443", 5, "`:443`"),
        ("dst 10.0.0.0/33", 5, "10.0.0.0/8"),
        ("peer 10.0.0.1:80", 6, "use `dst 10.0.0.1:80`"),
        ("local 10.0.0.1:80", 7, "use `src 10.0.0.1:80`"),
        ("user = postgres", 8, "`id -u postgres`"),
    ]);
}

#[test]
fn a_comparison_that_makes_no_sense_is_refused() {
    expect(&[
        ("pid ~ 4", 5, "use one of = != < <= > >="),
        ("comm > x", 6, "use one of = != ~ !~"),
        ("age = 30s", 5, "use one of < <= > >="),
        ("age > 1s,2s", 9, "compares with one duration"),
        ("severity > critical", 12, "info, warning, critical"),
        (
            "state established exclude established",
            1,
            "cancel each other out",
        ),
        ("exclude != listen", 1, "at once"),
    ]);
}

#[test]
fn what_only_ss_knows_is_refused_with_the_reason() {
    expect(&[
        ("dev eth0", 1, "`src 10.0.0.0/8`"),
        ("sport = :80 fwmark = 1", 13, "does not read marks"),
        ("autobound", 1, "ip_local_port_range"),
    ]);
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    expect(&[
        ("", 1, "leave the filter out to see all"),
        (" \t", 1, "empty"),
        ("pid = ", 7, "the filter ends where a number is expected"),
        ("pid = and", 7, "`and` stands here"),
        ("(pid = 1", 9, "write `)` for the `(` in column 1"),
        ("pid = 1)", 8, "leave it out"),
        ("pid = 1 = 2", 9, "`=` stands here"),
        ("pid = 1 or", 11, "where a word is expected"),
        ("comm = \"x", 8, "this quote has no end"),
        ("comm = a 'b c'", 10, "in quotes"),
        ("comm = é = 1", 10, "`=` stands here"),
        ("pid = 1\u{1b}[2J", 8, "a control character"),
    ]);
}

#[test]
fn and_beside_or_needs_parentheses() {
    expect(&[
        ("pid = 1 or pid = 2 pid = 3", 20, "can be read in two ways"),
        ("pid = 1 and pid = 2 or pid = 3", 21, "put in parentheses"),
    ]);
}

#[test]
fn length_and_depth_are_bounded() {
    let column = |text: &str| error(text).column();
    assert_eq!(column(&"(".repeat(2000)), 65);
    assert_eq!(column(&"!".repeat(2000)), 65);
    assert_eq!(column(&"x".repeat(MAX_LENGTH + 1)), MAX_LENGTH + 1);
    let deep = format!("{}pid = 1{}", "(".repeat(64), ")".repeat(64));
    assert!(deep.parse::<Filter>().is_ok());
    // Short as it is written, long in canonical form.
    let short = ["uid 1"; 600].join(" ");
    assert!(short.len() <= MAX_LENGTH);
    assert!(
        error(&short).to_string().contains("written out"),
        "{}",
        error(&short)
    );
}

#[test]
fn a_caret_stands_under_the_place() {
    let short = error("pid = 1 stat close-wait");
    assert_eq!(short.picture(), "pid = 1 stat close-wait\n        ^");
    let long = error(&format!(
        "{}stat {}",
        "pid = 1 and ".repeat(50),
        "x".repeat(200)
    ));
    let picture = long.picture();
    let (text, caret) = picture.split_once('\n').unwrap();
    assert!(text.chars().count() <= 80, "{text}");
    assert!(
        text[caret.len() - 1..].starts_with("stat"),
        "{text}\n{caret}"
    );
}

#[test]
fn an_error_does_not_repeat_control_characters_or_long_words() {
    let error = error(&format!("{}\u{7}", "a".repeat(300)));
    let told = format!(
        "{error}{}{}",
        error.help(),
        error.picture().replace('\n', "")
    );
    assert!(!told.chars().any(char::is_control));
    let long = self::error(&"a".repeat(300));
    assert!(long.to_string().len() < 120, "{long}");
}
