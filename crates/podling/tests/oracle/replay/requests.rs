//! The steps that are plain requests: sent as recorded, the answers compared field by field.

use std::time::Duration;

use podling::{Body, Request, Response};
use serde_json::{Value, json};

use super::{BETWEEN_REQUESTS, POLL, Replay, Verdict};
use crate::door;

impl Replay {
    pub(super) fn exchange(&mut self, request: &Value, step: &Value) -> Result<(), Verdict> {
        let response = self.send(request)?;
        if request["method"] == "POST" && request["path"] == "/api/v1/namespaces" && response.status == 201 {
            let created = response.body_json();
            self.fill_namespace(created["metadata"]["name"].as_str().unwrap_or_default());
        }
        if request["method"] == "POST" && request["path"] == "/api/v1/nodes" {
            self.untaint(&request["body"]);
        }
        self.remember(step, &response);
        let verdict = self.compare(request, &step["response"], &response);
        self.settle(BETWEEN_REQUESTS);
        verdict
    }

    /// Keeps the parts of an answer that later steps name.
    fn remember(&mut self, step: &Value, response: &Response) {
        for (name, path) in step["let"].as_object().into_iter().flatten() {
            let body = response.body_json();
            let pointer = format!("/{}", path.as_str().unwrap_or_default());
            let value = body.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
            self.variables.insert(name.clone(), value.to_owned());
        }
    }

    pub(super) fn eventually(&mut self, eventually: &Value, step: &Value) -> Result<(), Verdict> {
        let within = Duration::from_secs_f64(eventually["within"].as_f64().unwrap_or(0.0));
        let until = self.cluster.now() + within;
        loop {
            let response = self.send(&eventually["request"])?;
            let verdict = match eventually["response"]
                .get("subset")
                .or_else(|| eventually.get("subset"))
            {
                Some(subset) if self.comparer.contains(subset, &response.body_json()) => Ok(()),
                Some(_) => Err(Verdict::Differs(format!("never came: {}", response.body_json()))),
                None => self.compare(&eventually["request"], &eventually["response"], &response),
            };
            if verdict.is_ok() || self.cluster.now() >= until {
                self.remember(step, &response);
                return verdict;
            }
            self.settle(POLL);
        }
    }

    /// Sends a recorded request.
    pub(crate) fn send(&mut self, request: &Value) -> Result<Response, Verdict> {
        let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
        let mut sent = Request::new(&text("method"), &self.own(&text("path")));
        sent.accept = text("accept");
        sent.content_type = text("contentType");
        sent.credentials = door::recorder();
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().map(|value| self.own(value));
            door::take_header(&mut sent, name, value.as_deref());
        }
        sent.body = match &request["body"] {
            Value::Null => Vec::new(),
            Value::String(raw) => self.own(raw).into_bytes(),
            body => self.own(&body.to_string()).into_bytes(),
        };
        Ok(self.cluster.handle(&sent))
    }

    fn compare(&mut self, request: &Value, recorded: &Value, response: &Response) -> Result<(), Verdict> {
        let differs = |why: String| {
            let method = request["method"].as_str().unwrap_or_default();
            let path = request["path"].as_str().unwrap_or_default();
            Err(Verdict::Differs(format!("{method} {path}: {why}")))
        };
        let body = response.body_json();
        if recorded["status"] != response.status {
            let message = body["message"].as_str().unwrap_or_default();
            return differs(format!(
                "status {}, recorded {}: {message}",
                response.status, recorded["status"]
            ));
        }
        // A step of which only the status counts was recorded without its warnings too.
        let Some(body_recorded) = recorded.get("body") else {
            return Ok(());
        };
        if let Some(why) = self.warnings_differ(recorded, response) {
            return differs(why);
        }
        let recorded = self.tidy(self.own_value(body_recorded));
        let actual = match (&recorded, &response.body) {
            (Value::String(_), Body::Whole(bytes)) => {
                Value::String(String::from_utf8_lossy(bytes).into_owned())
            }
            _ => self.tidy(body),
        };
        match self.comparer.difference(&recorded, &actual) {
            Some(why) => differs(why),
            None => Ok(()),
        }
    }

    fn warnings_differ(&self, recorded: &Value, response: &Response) -> Option<String> {
        let unquote = |text: &str| {
            let quoted = text
                .strip_prefix("299 - \"")
                .and_then(|text| text.strip_suffix('"'));
            quoted.unwrap_or(text).replace("\\\"", "\"")
        };

        let warnings: Vec<String> = response
            .headers
            .iter()
            .filter(|(name, _)| name == "Warning")
            .map(|(_, text)| unquote(text))
            .collect();
        let recorded: Vec<String> = recorded["warnings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str().map(|text| self.own(&unquote(text))))
            .collect();
        (warnings != recorded).then(|| format!("warnings {warnings:?}, recorded {recorded:?}"))
    }

    pub(super) fn watch(&mut self, watch: &Value, step: &Value) -> Result<(), Verdict> {
        let request = json!({"method": "GET", "path": watch["path"], "accept": watch["accept"]});
        let mut response = self.send(&request)?;
        let Body::Stream(stream) = &mut response.body else {
            return Err(Verdict::Differs(format!(
                "a watch answered {}",
                response.body_json()
            )));
        };
        let mut bytes = self.cluster.read(stream);
        for during in step["during"].as_array().into_iter().flatten() {
            self.settle(Duration::from_millis(300));
            self.exchange(&during["request"], during)?;
            bytes.extend(self.cluster.read(stream));
        }
        self.settle(Duration::from_secs_f64(watch["seconds"].as_f64().unwrap_or(1.0)));
        bytes.extend(self.cluster.read(stream));
        let events: Vec<Value> = serde_json::Deserializer::from_slice(&bytes)
            .into_iter()
            .flatten()
            .collect();
        let actual = self.tidy(Value::Array(events));
        let recorded = self.own_value(&step["events"]);
        match self.comparer.difference(&recorded, &actual) {
            Some(why) => Err(Verdict::Differs(format!("watch: {why}"))),
            None => Ok(()),
        }
    }
}
