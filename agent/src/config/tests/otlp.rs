use super::*;
use crate::export::http::{Identity, TlsFiles};

fn otlp(text: &str) -> Option<Otlp> {
    let file = parse(text).unwrap();
    Config::new(file, Flags::default()).otlp
}

#[test]
fn a_collector_can_be_told_how_and_where() {
    let told = otlp(
        r#"
[otlp]
endpoint = "https://collector.example:4318/tenant"
headers = { "X-Tenant" = "shop" }
headers_file = "/etc/finback/otlp.headers"
ca_file = "/a"
cert_file = "/b"
key_file = "/c"
timeout = "3s"
interval = "30s"
"#,
    );
    let told = told.unwrap();
    assert_eq!(told.endpoint.to_string(), "https://collector.example:4318");
    assert_eq!(told.headers[0].0, "x-tenant");
    assert_eq!(
        told.tls,
        TlsFiles {
            ca: Some("/a".into()),
            identity: Some(Identity {
                certificate: "/b".into(),
                key: "/c".into(),
            }),
        }
    );
    assert_eq!(told.timeout, Duration::from_secs(3));
    assert_eq!(told.metrics, Some(Duration::from_secs(30)));
}

#[test]
fn without_an_endpoint_nobody_is_told_and_a_flag_is_one() {
    assert_eq!(otlp(""), None);
    assert_eq!(otlp("[otlp]\nmetrics = true"), None);
    let flags = Flags {
        otlp: Some(collector("http://127.0.0.1:4318").unwrap()),
        ..Flags::default()
    };
    let file = parse("[otlp]\nendpoint = \"http://other\"\nmetrics = false").unwrap();
    let told = Config::new(file, flags).otlp.unwrap();
    assert_eq!(told.endpoint.to_string(), "http://127.0.0.1:4318");
    assert_eq!(told.metrics, None);
}

#[test]
fn what_is_wrong_with_a_collector_is_said() {
    for (text, said) in [
        ("endpoint = \"collector:4318\"", "use a URL"),
        ("endpoint = 4318", "use a URL"),
        ("endpoint = \"http://a/v1/logs\"", "leave out /v1/logs"),
        ("endpoint = \"http://u:p@a\"", "leave user and password out"),
        ("cert_file = \"/b\"", "name both cert_file and key_file"),
        ("ca_file = \"ca.pem\"", "use an absolute path"),
        ("interval = \"1s\"", "use a time from 5s to 1h"),
        ("timeout = \"1h\"", "use a time from 100ms to 2m"),
        ("headers = [\"a\"]", "write them as"),
        ("headers = { host = \"a\" }", "leave out host"),
        ("headers = { a = 1 }", "use a string for a"),
        ("endpiont = \"http://a\"", "did you mean `endpoint`?"),
    ] {
        let (_, help) = refusal(&format!("[otlp]\n{text}"));
        assert!(help.starts_with(said), "{text}: {help}");
    }
}

#[test]
fn a_header_that_is_wrong_is_not_shown() {
    let (what, help) = refusal("[otlp]\nheaders = { authorization = \"secret\\nsecret\" }");
    assert!(!format!("{what}{help}").contains("secret"), "{what} {help}");
}
