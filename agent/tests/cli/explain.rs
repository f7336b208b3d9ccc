//! Saved lines and pasted rows, explained.

use std::io::Write as _;
use std::process::Stdio;

use super::finback;

/// A leak and a healthy connection, as lines.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn lines() -> tempfile::NamedTempFile {
    let line = |id: u32, state: &str, rest: &str| {
        format!(
            "{{\"schema\":1,\"seq\":0,\"time\":\"2026-11-22T13:25:44.000000000Z\",\"type\":\"{}\",\
             \"socket\":{{\"id\":\"{id:x}-0001\",\"inode\":{},\"netns\":1,\"role\":\"server\"}},\
             \"network\":{{\"transport\":\"tcp\",\"type\":\"ipv4\",\"local\":{{\"address\":\"192.0.2.1\",\"port\":80}},\
             \"peer\":{{\"address\":\"192.0.2.2\",\"port\":{}}},\"connection\":{{\"state\":\"{state}\"}}}},{rest}}}\n",
            if rest.starts_with("\"finding\"") {
                "finding"
            } else {
                "socket"
            },
            9000 + id,
            5000 + id,
        )
    };
    let finding = "\"finding\":{\"id\":12,\"action\":\"opened\",\"verdict\":\"eof_unread\",\"severity\":\"info\",\
                   \"confidence\":\"proven\",\"opened\":\"2026-11-22T13:25:44.000000000Z\",\"summary\":\"not read\",\
                   \"hint\":\"read\",\"evidence\":{\"threshold_ns\":1},\"holders\":[]}";
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(line(1, "close_wait", finding).as_bytes())
        .unwrap();
    file.write_all(line(2, "established", "\"listed\":{}").as_bytes())
        .unwrap();
    file
}

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn explain(arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let file = lines();
    let path = file.path().to_str().unwrap();
    let mut command = finback(&["explain", "--input", path, "--format", "text"]);
    command.args(arguments).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn explain_is_code_10_where_there_is_a_finding_and_0_where_nothing_is_wrong() {
    let (code, page, messages) = explain(&["#12"], "");
    assert_eq!((code, &*messages), (Some(10), ""));
    assert!(
        page.contains("eof_unread, proven, info, finding #12"),
        "{page}"
    );
    let (code, page, _) = explain(&["inode:9002"], "");
    assert_eq!(code, Some(0));
    assert!(page.contains("nothing is wrong"), "{page}");
}

#[test]
fn explain_says_what_was_searched_where_nothing_matches() {
    let (code, page, messages) = explain(&["192.0.2.9:1"], "");
    assert_eq!((code, &*page), (Some(1), ""));
    assert!(
        messages.contains("nothing matches `192.0.2.9:1`: searched 2 sockets and 0 incidents of "),
        "{messages}"
    );
}

#[test]
fn explain_refuses_what_it_cannot_read() {
    let (code, _, messages) = explain(&["what is this"], "");
    assert_eq!(code, Some(2));
    assert!(
        messages.contains("cannot read `what is this`") && messages.contains("help: "),
        "{messages}"
    );
    let (code, _, messages) = explain(&["-"], "nothing at all to be seen here\n");
    assert_eq!(code, Some(2));
    assert!(messages.contains("no row of a TCP socket"), "{messages}");
}

#[test]
fn explain_reads_pasted_rows_and_names_the_line_that_it_cannot_read() {
    let rows = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n\
                CLOSE-WAIT 1 0 192.0.2.1:80 192.0.2.2:5001\n\
                what is the matter with this one?\n\
                tcp 0 0 192.0.2.1:80 192.0.2.2:5002 ESTABLISHED\n\
                tcp 0 0 192.0.2.1:80 192.0.2.2:5001 CLOSE_WAIT\n";
    let (code, page, messages) = explain(&["-"], rows);
    assert_eq!(code, Some(10));
    assert_eq!(
        page.matches("--------").count(),
        1,
        "two sockets, one of them twice: {page}"
    );
    assert!(
        messages.contains("line 3 is no row of ss, lsof or netstat: what is the matter"),
        "{messages}"
    );
}
