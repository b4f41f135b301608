//! The subprotocols `v4.channel.k8s.io` and `v5.channel.k8s.io`: each message begins with the number of its channel
//! (Kubernetes: `k8s.io/apimachinery/pkg/util/remotecommand/constants.go`).

use serde_json::{Value, json};

use crate::images::log::{Descriptor, Piece};
use crate::status::Status;

/// The subprotocols, the best first.
pub(super) const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Version 5: the client closes the channel that the next byte names.
const CLOSE: u8 = 255;

/// No message is larger, so that other channels get their turn.
const LARGEST: usize = 32 * 1024;

/// What a client's message says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Incoming<'a> {
    /// Bytes for standard input.
    Stdin(&'a [u8]),
    /// Standard input has ended.
    CloseStdin,
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Nothing that is known.
    Unknown,
}

/// What a client asked to be connected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Streams {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) tty: bool,
}

/// Reads a client's message.
pub(super) fn read(message: &[u8]) -> Incoming<'_> {
    match message {
        [STDIN, bytes @ ..] => Incoming::Stdin(bytes),
        [RESIZE, size @ ..] => {
            let size: Value = serde_json::from_slice(size).unwrap_or_default();
            let side = |name: &str| size[name].as_u64().and_then(|side| u16::try_from(side).ok());
            match (side("Width"), side("Height")) {
                (Some(width), Some(height)) => Incoming::Resize(width, height),
                _ => Incoming::Unknown,
            }
        }
        [CLOSE, STDIN] => Incoming::CloseStdin,
        _ => Incoming::Unknown,
    }
}

/// A message on a channel.
pub(super) fn message(channel: u8, bytes: &[u8]) -> Vec<u8> {
    [&[channel], bytes].concat()
}

/// Output as messages, as far as it is wanted; a terminal has no standard error.
pub(super) fn output(pieces: Vec<Piece>, streams: Streams) -> Vec<Vec<u8>> {
    let channel = |descriptor| match descriptor {
        Descriptor::Err if !streams.tty => streams.stderr.then_some(STDERR),
        _ => streams.stdout.then_some(STDOUT),
    };
    let mut messages = Vec::new();
    for (descriptor, bytes) in pieces {
        if let Some(channel) = channel(descriptor) {
            messages.extend(bytes.chunks(LARGEST).map(|chunk| message(channel, chunk)));
        }
    }
    messages
}

fn status(value: &Value) -> Vec<u8> {
    message(ERROR, value.to_string().as_bytes())
}

/// The last message: how the command ended.
pub(super) fn exited(code: i32) -> Vec<u8> {
    if code == 0 {
        return status(&json!({"metadata": {}, "status": "Success"}));
    }
    status(&json!({
        "metadata": {},
        "status": "Failure",
        "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    }))
}

/// The last message: the command could not be run. Both the kubelet and the API server add their beginning.
pub(super) fn failed(why: &str) -> Vec<u8> {
    let twice = Status::internal(&Status::internal(why).message);
    let mut value = twice.to_json();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    status(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_by_their_channel() {
        for (message, expected) in [
            (&b"\x00ls\n"[..], Incoming::Stdin(b"ls\n")),
            (b"\x00", Incoming::Stdin(b"")),
            (b"\x04{\"Width\":80,\"Height\":24}", Incoming::Resize(80, 24)),
            (b"\x04{", Incoming::Unknown),
            (b"\xff\x00", Incoming::CloseStdin),
            (b"\xff\x01", Incoming::Unknown),
            (b"", Incoming::Unknown),
        ] {
            assert_eq!(read(message), expected);
        }
    }

    #[test]
    fn a_terminal_has_one_output_and_large_output_comes_in_parts() {
        let pieces = || {
            vec![
                (Descriptor::Out, vec![b'x'; LARGEST + 1]),
                (Descriptor::Err, b"e".to_vec()),
            ]
        };
        let all = Streams {
            stdout: true,
            stderr: true,
            ..Streams::default()
        };
        let channels = |streams| -> Vec<u8> { output(pieces(), streams).iter().map(|m| m[0]).collect() };
        assert_eq!(channels(all), [STDOUT, STDOUT, STDERR]);
        assert_eq!(channels(Streams { tty: true, ..all }), [STDOUT, STDOUT, STDOUT]);
        assert_eq!(channels(Streams { stdout: false, ..all }), [STDERR]);
    }

    #[test]
    fn a_failure_says_twice_that_it_is_internal() {
        let message = failed("error executing command in container: why");
        let value: Value = serde_json::from_slice(&message[1..]).unwrap();
        assert_eq!(
            value["message"],
            "Internal error occurred: Internal error occurred: error executing command in container: why"
        );
        assert_eq!((message[0], value.get("kind")), (ERROR, None));
    }
}
