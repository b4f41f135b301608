//! JSON values as Go's `fmt` prints them with `%v`; some of the API server's errors carry them.

use serde_json::Value;

/// `map[a:1 b:[x y]]`: keys in order, texts without quotes, null as `<nil>`.
pub(crate) fn go_print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_print).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => go_print_map(fields),
    }
}

/// [`go_print`] for the fields of an object.
pub(crate) fn go_print_map(fields: &serde_json::Map<String, Value>) -> String {
    let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{key}:{}", go_print(value)))
        .collect();
    format!("map[{}]", entries.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_print_as_in_go() {
        let cases = [
            (
                json!({"spec": {"b": [1, "x"], "a": null}}),
                "map[spec:map[a:<nil> b:[1 x]]]",
            ),
            (json!([]), "[]"),
            (json!(true), "true"),
        ];
        for (value, text) in cases {
            assert_eq!(go_print(&value), text);
        }
    }
}
