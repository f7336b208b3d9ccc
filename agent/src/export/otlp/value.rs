//! Values and attributes of the protocol.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value;

/// Attributes in the making. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub(super) fn put(&mut self, key: &str, value: impl Into<Option<AnyValue>>) {
        if let Some(value) = value.into() {
            self.0.push(pair(key, value));
        }
    }

    pub(super) fn text(&mut self, key: &str, text: Option<&str>) {
        self.put(key, text.map(text_value));
    }

    pub(super) fn number(&mut self, key: &str, number: Option<impl Into<i64>>) {
        let value = |number: i64| any(Any::IntValue(number));
        self.put(key, number.map(Into::into).map(value));
    }

    /// Every field of a document, named by its path with points in between. Lists stay lists.
    pub(super) fn document(&mut self, path: &str, document: &Value) {
        let Value::Object(fields) = document else {
            return self.put(path, value(document));
        };
        for (name, field) in fields {
            self.document(&format!("{path}.{name}"), field);
        }
    }

    pub(super) fn into_pairs(self) -> Vec<KeyValue> {
        self.0
    }
}

/// A text.
pub(super) fn text_value(text: impl Into<String>) -> AnyValue {
    any(Any::StringValue(text.into()))
}

const fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

/// What JSON says in the protocol's words; nothing for null.
fn value(json: &Value) -> Option<AnyValue> {
    let value = match json {
        Value::Null => return None,
        Value::Bool(switch) => Any::BoolValue(*switch),
        Value::String(text) => Any::StringValue(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Any::IntValue(whole),
            // Too large for the protocol's: as near as it gets.
            (None, Some(real)) => Any::DoubleValue(real),
            (None, None) => Any::StringValue(number.to_string()),
        },
        Value::Array(all) => Any::ArrayValue(ArrayValue {
            values: all.iter().filter_map(value).collect(),
        }),
        Value::Object(fields) => {
            let known = fields
                .iter()
                .filter_map(|(name, field)| Some(pair(name, value(field)?)));
            Any::KvlistValue(KeyValueList {
                values: known.collect(),
            })
        }
    };
    Some(any(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_flat_and_its_lists_are_whole() {
        let mut attributes = Attributes::default();
        let document = json!({
            "id": 7, "rate": 1.5, "on": true, "nothing": null, "word": "x", "huge": u64::MAX,
            "cause": {"port": 443}, "all": [{"a": 1}, 2],
        });
        attributes.document("f", &document);
        let list = Any::ArrayValue(ArrayValue {
            values: vec![
                any(Any::KvlistValue(KeyValueList {
                    values: vec![pair("a", any(Any::IntValue(1)))],
                })),
                any(Any::IntValue(2)),
            ],
        });
        let expected = [
            ("f.all", list),
            ("f.cause.port", Any::IntValue(443)),
            ("f.huge", Any::DoubleValue(18_446_744_073_709_551_615.0)),
            ("f.id", Any::IntValue(7)),
            ("f.on", Any::BoolValue(true)),
            ("f.rate", Any::DoubleValue(1.5)),
            ("f.word", Any::StringValue("x".into())),
        ];
        let mut pairs = attributes.into_pairs();
        pairs.sort_by(|a, b| a.key.cmp(&b.key));
        let expected = expected.map(|(key, value)| pair(key, any(value)));
        assert_eq!(pairs, expected);
    }
}
