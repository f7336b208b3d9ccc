use super::*;

#[test]
fn a_webhook_has_an_url_a_format_and_a_file_with_its_secret() {
    let file = parse(
        "[webhook]\nurl = \"https://a.example/x\"\nformat = \"alertmanager\"\nsecret_file = \"/etc/s\"\n\
         severity = \"critical\"\ntimeout = \"3s\"",
    );
    let expected = Webhook {
        url: "https://a.example/x".parse().unwrap(),
        format: WebhookFormat::Alertmanager,
        secret_file: Some("/etc/s".into()),
        severity: Severity::Critical,
        timeout: Duration::from_secs(3),
    };
    let config = Config::new(file.unwrap(), Flags::default());
    assert_eq!(config.webhook, Some(expected));
    let flags = Flags {
        webhook: WebhookFlags {
            url: Some("http://b.example".parse().unwrap()),
            format: None,
        },
        ..Flags::default()
    };
    let webhook = Config::new(File::default(), flags).webhook.unwrap();
    assert_eq!(webhook.url.to_string(), "http://b.example:80");
    assert_eq!(webhook.format, WebhookFormat::Finback);
}

#[test]
fn who_else_is_told_is_refused_with_what_is_accepted() {
    for (text, help) in [
        (
            "[journal]\nseverity = \"off\"",
            "use one of \"info\", \"warning\", \"critical\"",
        ),
        (
            "[journal]\nenable = true",
            "did you mean `enabled`? known are enabled, severity",
        ),
        (
            "[webhook]\nurl = \"http://a:b@c\"",
            "write them as a header, for example authorization",
        ),
        (
            "[webhook]\nformat = \"slack\"",
            "use finback or alertmanager",
        ),
        (
            "[webhook]\ntimeout = \"3m\"",
            "use a time up to 2m, for example \"10s\"",
        ),
        (
            "webhook = true",
            "use a section [webhook] with one line per setting",
        ),
        (
            "docs = \"/usr/share/doc\"",
            "use a URL, for example \"file:///usr/share/doc/finback\"",
        ),
    ] {
        assert!(
            refusal(text).1.ends_with(help),
            "{text}: {}",
            refusal(text).1
        );
    }
    let off = parse("[journal]\nenabled = false").unwrap();
    assert_eq!(Config::new(off, Flags::default()).journal, None);
}
