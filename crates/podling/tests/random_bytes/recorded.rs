//! The requests of the recordings, to be broken at random, and for `fuzz/` to begin with.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A recorded request, in the namespace `default`.
pub struct Recorded {
    pub method: String,
    pub path: String,
    pub query: String,
    pub accept: String,
    /// Empty for JSON.
    pub content_type: String,
    /// Empty if there is none.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The whole request: five lines, then the body.
    pub fn whole(&self) -> Vec<u8> {
        let head = [
            &self.method,
            &self.path,
            &self.query,
            &self.accept,
            &self.content_type,
        ];
        let mut whole: Vec<u8> = head
            .iter()
            .flat_map(|part| [part.as_bytes(), b"\n"].concat())
            .collect();
        whole.extend(&self.body);
        whole
    }
}

/// All requests of the recordings in a folder, always in the same order.
pub fn requests(folder: &Path) -> Vec<Recorded> {
    let mut requests = Vec::new();
    for file in cases(folder) {
        let case = std::fs::read(file).expect("a recording");
        let case: Value = serde_json::from_slice(&case).expect("a recording is JSON");
        let steps = case["steps"].as_array().into_iter().flatten();
        requests.extend(steps.filter_map(|step| step.get("request")).map(recorded));
    }
    assert!(!requests.is_empty(), "there are recordings");
    requests
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("there are recordings")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
}

fn recorded(request: &Value) -> Recorded {
    let placed = |text: &str| text.replace("$NS", "default");
    let text = |key: &str| placed(request[key].as_str().unwrap_or_default());
    let path_and_query = text("path");
    let (path, query) = path_and_query.split_once('?').unwrap_or((&path_and_query, ""));
    let body = request.get("body").map(|body| placed(&body.to_string()));
    Recorded {
        method: text("method"),
        path: path.to_owned(),
        query: query.to_owned(),
        accept: text("accept"),
        content_type: text("contentType"),
        body: body.unwrap_or_default().into_bytes(),
    }
}
