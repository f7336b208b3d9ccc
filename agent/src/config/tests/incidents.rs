use super::*;

#[test]
fn incidents_can_be_set_and_differ() {
    use finback_core::settings::incident::Value;

    let file = parse(
        "[incidents]\ncrowd = 20\nage = \"1h\"\n\
         [[override]]\nprocess = \"nginx\"\nincidents = { crowd = 50, spin_after = \"1m\" }",
    )
    .unwrap();
    assert_eq!(file.incidents.crowd, 20);
    assert_eq!(file.incidents.age, Duration::from_hours(1));
    let of_nginx = &file.exceptions[0].incidents;
    assert_eq!(of_nginx["crowd"], Value::Number(50));
    assert_eq!(of_nginx["spin_after"], Value::Time(Duration::from_mins(1)));
}

#[test]
fn a_wrong_setting_of_incidents_says_what_is_accepted() {
    let (what, help) = refusal("[incidents]\ncroud = 20");
    assert_eq!(what, "f.toml:2: unknown setting `croud`");
    assert!(help.starts_with("did you mean `crowd`?"), "{help}");
    let (_, help) = refusal("[incidents]\ncrowd = \"20\"");
    assert_eq!(help, "use a whole number");
    let (_, help) = refusal("[incidents]\ncrowd_percent = 101");
    assert_eq!(help, "use a number from 0 to 100");
    let (_, help) = refusal("[incidents]\nage = 300");
    assert!(help.starts_with("use a string"), "{help}");
    let (_, help) = refusal("incidents = 1");
    assert!(help.starts_with("use a section [incidents]"), "{help}");
}

#[test]
fn off_is_a_threshold_a_severity_and_a_setting_of_incidents_for_all_and_for_some() {
    use finback_core::settings::incident::Value;

    let file = parse(
        "[thresholds]\nnever_reads = \"off\"\n[severities]\neof_spin = \"off\"\nnot_closed = \"auto\"\n\
         [incidents]\nage = \"off\"\nseverity = \"warning\"\n\
         [[override]]\ncgroup = \"/batch*\"\nthresholds = { dead_open = \"off\" }\n\
         severities = { eof_unread = \"off\" }\nincidents = { severity = \"off\", crowd = \"off\" }",
    )
    .unwrap();
    assert_eq!(file.thresholds[&Verdict::NeverReads], NEVER);
    assert_eq!(file.severities[&Verdict::EofSpin], Level::Off);
    assert_eq!(file.severities[&Verdict::NotClosed], Level::Auto);
    assert_eq!(file.incidents.age, NEVER);
    assert_eq!(file.incidents.severity, Some(Severity::Warning));
    let batch = &file.exceptions[0];
    assert_eq!(batch.thresholds[&Verdict::DeadOpen], NEVER);
    assert_eq!(batch.severities[&Verdict::EofUnread], Level::Off);
    assert_eq!(batch.incidents["severity"], Value::Off);
    assert_eq!(batch.incidents["crowd"], Value::Off);
}

#[test]
fn a_wrong_word_for_a_severity_is_answered_with_the_nearest() {
    let (what, help) = refusal("[severities]\n\nnot_closed = \"warnin\"");
    assert_eq!(what, "f.toml:3: wrong value for `not_closed`: \"warnin\"");
    assert!(
        help.starts_with("did you mean \"warning\"? use one of"),
        "{help}"
    );
    let (what, help) = refusal("[[override]]\nport = 1\nincidents = { severity = \"crit\" }");
    assert_eq!(what, "f.toml:3: wrong value for `severity`: \"crit\"");
    assert!(help.starts_with("did you mean \"critical\"?"), "{help}");
    let (_, help) = refusal("[incidents]\nupdate_interval = \"off\"");
    assert!(help.starts_with("this one cannot be off"), "{help}");
}
