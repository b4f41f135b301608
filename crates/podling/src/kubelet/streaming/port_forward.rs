//! `pods/portforward`: connections to a pod's ports, in kubectl's form (SPDY inside the WebSocket) and in that of
//! other clients (a pair of channels a port)
//! (Kubernetes: `k8s.io/kubelet/pkg/cri/streaming/portforward`; containerd's `sandbox_portforward_linux.go`).

use std::collections::{BTreeMap, VecDeque};

use super::Kind;
use super::channels::message;
use super::http_connection::{BAD_REQUEST, HttpConnection, Next, answer};
use super::spdy::{self, Frame, Spdy};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::kubelet::{Nodes, Task};
use crate::network::ConnectError;
use crate::request::Request;
use crate::rng::Rng;
use crate::status::Status;

/// kubectl's subprotocol.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// The subprotocols that are served.
pub(super) const PROTOCOLS: [&str; 2] = [TUNNEL, "v4.channel.k8s.io"];

/// The channels of a message are a byte.
const MOST_PORTS: usize = 127;

/// No more requests are answered while the client has not taken this many bytes of answers.
const HELD_AT: usize = 256 * 1024;

/// Forwarded ports of one client.
#[derive(Debug)]
pub(super) struct PortForward {
    transport: Transport,
    connections: BTreeMap<u32, Connection>,
    /// How many bytes were answered since the client last said that it has taken all.
    untaken: usize,
}

/// How connections are carried.
#[derive(Debug)]
enum Transport {
    /// Each is a pair of SPDY streams; what is kept by request ID is the half of a pair that came first.
    Spdy(Box<Spdy>, BTreeMap<String, Half>),
    /// Each is a pair of channels.
    Channels,
}

/// A stream whose other half has not come.
#[derive(Debug)]
struct Half {
    stream: u32,
    is_error: bool,
}

/// One connection; its number is that of its data stream or channel.
#[derive(Debug)]
struct Connection {
    /// The number of the stream or channel for errors.
    error: u32,
    port: u16,
    http: HttpConnection,
    /// What is to be sent when its moment has come; requests wait meanwhile.
    pending: Option<(Time, Answer)>,
    /// Whether the client will send no more.
    half_closed: bool,
}

#[derive(Debug)]
enum Answer {
    /// Bytes, and whether the connection is kept.
    Bytes(Vec<u8>, bool),
    /// The end, without an answer.
    Close,
}

/// What a client does.
#[derive(Debug, Eq, PartialEq)]
enum Event {
    Connect { data: u32, error: u32, port: u16 },
    Bytes(u32, Vec<u8>),
    HalfClose(u32),
    Drop(u32),
}

/// The ports that a request names.
pub(super) fn ports(request: &Request) -> Result<Vec<u16>, Status> {
    let mut ports = Vec::new();
    for text in request
        .parameters("ports")
        .flat_map(|ports| ports.split(',').map(str::to_owned).collect::<Vec<_>>())
    {
        match text.parse::<u16>() {
            Ok(port) if port > 0 => ports.push(port),
            Ok(_) => return Err(Status::bad_request(format!("port \"{text}\" must be > 0"))),
            Err(_) => {
                return Err(Status::bad_request(format!(
                    "unable to parse \"{text}\" as a port"
                )));
            }
        }
    }
    if ports.len() > MOST_PORTS {
        return Err(Status::bad_request("too many ports"));
    }
    Ok(ports)
}

impl PortForward {
    pub(super) const fn is_held(&self) -> bool {
        self.untaken >= HELD_AT
    }

    pub(super) const fn taken(&mut self) {
        self.untaken = 0;
    }

    /// Whether no connection is full of requests that wait for an answer to one before them.
    pub(super) fn has_room(&self) -> bool {
        let waits = |connection: &Connection| self.is_held() || connection.pending.is_some();
        let mut connections = self.connections.values();
        !connections.any(|connection| waits(connection) && connection.http.is_full())
    }

    /// Reads a client's message: what it does, and what is answered below the connections.
    fn read(&mut self, received: &[u8]) -> (Vec<Event>, Vec<Vec<u8>>) {
        match &mut self.transport {
            Transport::Channels => {
                let event = match received {
                    [channel, bytes @ ..] if channel % 2 == 0 => {
                        vec![Event::Bytes(u32::from(*channel), bytes.to_vec())]
                    }
                    _ => Vec::new(),
                };
                (event, Vec::new())
            }
            Transport::Spdy(spdy, halves) => {
                spdy.push(received);
                let (mut events, mut answers) = (Vec::new(), Vec::new());
                // What is no SPDY any more can't be read on; kubectl never sends such.
                while let Ok(Some(frame)) = spdy.next() {
                    events.extend(read_frame(frame, spdy, halves, &mut answers));
                }
                (events, answers)
            }
        }
    }

    /// A connection's bytes as messages.
    fn bytes(&self, connection: u32, bytes: &[u8]) -> Vec<Vec<u8>> {
        match self.transport {
            Transport::Spdy(..) => spdy::data(connection, bytes),
            Transport::Channels => {
                let channel = u8::try_from(connection).unwrap_or(u8::MAX);
                bytes
                    .chunks(32 * 1024)
                    .map(|chunk| message(channel, chunk))
                    .collect()
            }
        }
    }

    /// The end of a connection, with what went wrong.
    fn close(&mut self, number: u32, error: Option<&str>) -> Vec<Vec<u8>> {
        let Some(connection) = self.connections.remove(&number) else {
            return Vec::new();
        };
        let mut messages = error
            .map(|text| self.bytes(connection.error, text.as_bytes()))
            .unwrap_or_default();
        if matches!(self.transport, Transport::Spdy(..)) {
            messages.push(spdy::finish(number));
            messages.push(spdy::finish(connection.error));
        }
        messages
    }

    /// When the next answer is to be sent.
    fn next_moment(&self) -> Option<Time> {
        let moments = self
            .connections
            .values()
            .filter_map(|connection| connection.pending.as_ref());
        moments.map(|(at, _)| *at).min()
    }
}

/// What a SPDY frame says; what it asks for at once is added to the answers.
fn read_frame(
    frame: Frame,
    spdy: &mut Spdy,
    halves: &mut BTreeMap<String, Half>,
    answers: &mut Vec<Vec<u8>>,
) -> Vec<Event> {
    match frame {
        Frame::Open { stream, headers } => {
            answers.push(spdy.reply(stream));
            pair(halves, stream, &headers).into_iter().collect()
        }
        Frame::Data { stream, bytes, last } => {
            let end = last.then_some(Event::HalfClose(stream));
            std::iter::once(Event::Bytes(stream, bytes)).chain(end).collect()
        }
        Frame::Reset(stream) => vec![Event::Drop(stream)],
        Frame::Ping(number) => {
            answers.push(spdy::pong(number));
            Vec::new()
        }
        Frame::GoAway | Frame::Other => Vec::new(),
    }
}

/// Two streams with the same request ID, one for data and one for errors, are a connection.
fn pair(
    halves: &mut BTreeMap<String, Half>,
    stream: u32,
    headers: &BTreeMap<String, String>,
) -> Option<Event> {
    let header = |name: &str| headers.get(name).map_or("", String::as_str);
    let is_error = header("streamtype") == "error";
    let port = header("port").parse().ok()?;
    let Some(other) = halves.remove(header("requestid")) else {
        let half = Half { stream, is_error };
        halves.insert(header("requestid").to_owned(), half);
        return None;
    };
    let (data, error) = match (is_error, other.is_error) {
        (true, false) => (other.stream, stream),
        (false, true) => (stream, other.stream),
        _ => return None,
    };
    Some(Event::Connect { data, error, port })
}

impl Nodes {
    /// Opens a session for a pod's ports; its number.
    pub(super) fn port_forward(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        protocol: &str,
        ports: &[u16],
    ) -> u64 {
        let number = self.sessions.next();
        let transport = match protocol {
            TUNNEL => Transport::Spdy(Box::new(Spdy::new()), BTreeMap::new()),
            _ => Transport::Channels,
        };
        let is_channels = matches!(transport, Transport::Channels);
        let forward = PortForward {
            transport,
            connections: BTreeMap::new(),
            untaken: 0,
        };
        self.sessions
            .insert(number, uid, Kind::PortForward(Box::new(forward)));
        if is_channels {
            for (data, port) in (0..).step_by(2).zip(ports) {
                // Both channels begin with the port.
                let greeting = |channel: u8| message(channel, &port.to_le_bytes());
                self.say(number, [greeting(data), greeting(data + 1)]);
                let connect = Event::Connect {
                    data: u32::from(data),
                    error: u32::from(data + 1),
                    port: *port,
                };
                self.forward(api, number, connect);
            }
            self.end_if_over(number);
        }
        number
    }

    pub(super) fn port_forward_message(&mut self, api: &mut ApiServer, number: u64, received: &[u8]) {
        let Some(forward) = self.forward_of(number) else {
            return;
        };
        let (events, answers) = forward.read(received);
        self.say(number, answers);
        for event in events {
            self.forward(api, number, event);
        }
        self.run_port_forward(api, number);
    }

    fn forward_of(&mut self, number: u64) -> Option<&mut PortForward> {
        match self
            .sessions
            .open
            .get_mut(&number)
            .map(|session| &mut session.kind)
        {
            Some(Kind::PortForward(forward)) => Some(forward),
            _ => None,
        }
    }

    fn forward(&mut self, api: &mut ApiServer, number: u64, event: Event) {
        match event {
            Event::Connect { data, error, port } => self.forward_connect(api, number, (data, error), port),
            Event::Bytes(connection, bytes) => {
                if let Some(connection) = self.connection(number, connection) {
                    connection.http.push(&bytes);
                }
            }
            Event::HalfClose(connection) => {
                if let Some(connection) = self.connection(number, connection) {
                    connection.half_closed = true;
                }
            }
            Event::Drop(connection) => {
                if let Some(forward) = self.forward_of(number) {
                    forward.connections.remove(&connection);
                }
            }
        }
    }

    fn connection(&mut self, number: u64, connection: u32) -> Option<&mut Connection> {
        self.forward_of(number)?.connections.get_mut(&connection)
    }

    fn forward_connect(&mut self, api: &ApiServer, number: u64, (data, error): (u32, u32), port: u16) {
        let Some(pod) = self.sessions.open.get(&number).map(|session| session.pod.clone()) else {
            return;
        };
        let refusal = (!self.listens(api, &pod, port)).then(|| self.refusal(&pod, port));
        let Some(forward) = self.forward_of(number) else {
            return;
        };
        let connection = Connection {
            error,
            port,
            http: HttpConnection::default(),
            pending: None,
            half_closed: false,
        };
        forward.connections.insert(data, connection);
        if let Some(refusal) = refusal {
            let messages = forward.close(data, Some(&refusal));
            self.say(number, messages);
        }
    }

    /// Why a port of a pod can't be reached, in containerd's words.
    fn refusal(&self, pod: &str, port: u16) -> String {
        let (sandbox, namespace) = sandbox(pod);
        let why = if self.workers.get(pod).is_some_and(|worker| worker.sandbox) {
            format!(
                "failed to execute portforward in network namespace \"/var/run/netns/cni-{namespace}\": failed to \
                 connect to localhost:{port} inside namespace \"{sandbox}\", IPv4: dial tcp4 127.0.0.1:{port}: connect: \
                 connection refused IPv6 dial tcp6: address localhost: no suitable address found "
            )
        } else {
            format!("failed to find sandbox \"{sandbox}\" in store: not found")
        };
        format!("error forwarding port {port} to pod {sandbox}, uid : {why}")
    }

    /// Sends the answers whose moment has come, and asks what was not asked yet.
    pub(super) fn run_port_forward(&mut self, api: &mut ApiServer, number: u64) {
        let Some(forward) = self.forward_of(number) else {
            return;
        };
        let mut left: VecDeque<u32> = forward.connections.keys().copied().collect();
        while let Some(connection) = left.pop_front()
            && !self.is_held(number)
        {
            if self.answer_next(api, number, connection) {
                left.push_front(connection);
            }
        }
        let next = self.forward_of(number).and_then(|forward| forward.next_moment());
        let next = next.filter(|_| !self.is_held(number));
        self.timers.cancel(&Task::Session(number));
        if let Some(at) = next {
            self.timers.at(at, Task::Session(number));
        }
        self.end_if_over(number);
    }

    /// Takes one step with a connection; whether there may be another at this moment.
    fn answer_next(&mut self, api: &mut ApiServer, number: u64, which: u32) -> bool {
        let now = api.now();
        let Some(connection) = self.connection(number, which) else {
            return false;
        };
        match connection.pending.take() {
            Some((at, answer)) if at > now => {
                connection.pending = Some((at, answer));
                false
            }
            Some((_, answer)) => self.send_answer(number, which, answer),
            None => match connection.http.next() {
                Next::Request(request, keep) => {
                    let port = connection.port;
                    let pending = self.ask(api, number, port, &request, keep);
                    if let Some(connection) = self.connection(number, which) {
                        connection.pending = Some(pending);
                    }
                    true
                }
                Next::Nonsense => self.send_answer(number, which, Answer::Bytes(BAD_REQUEST.to_vec(), false)),
                Next::Nothing if connection.half_closed => self.send_answer(number, which, Answer::Close),
                Next::Nothing => false,
            },
        }
    }

    /// Lets a container answer a request; when it does, and what.
    fn ask(
        &mut self,
        api: &ApiServer,
        number: u64,
        port: u16,
        request: &crate::network::HttpRequest,
        keep: bool,
    ) -> (Time, Answer) {
        let now = api.now();
        let Some(pod) = self.sessions.open.get(&number).map(|session| session.pod.clone()) else {
            return (now, Answer::Close);
        };
        match self.deliver(api, &pod, port, request) {
            Ok(response) => {
                let at = now + response.took;
                (at, Answer::Bytes(answer(request, &response, keep, at), keep))
            }
            Err(ConnectError::Closed(after)) => (now + after, Answer::Close),
            Err(_) => (now, Answer::Close),
        }
    }

    /// Sends an answer; whether the connection goes on.
    fn send_answer(&mut self, number: u64, which: u32, answer: Answer) -> bool {
        let Some(forward) = self.forward_of(number) else {
            return false;
        };
        let (mut messages, keep) = match answer {
            Answer::Bytes(bytes, keep) => (forward.bytes(which, &bytes), keep),
            Answer::Close => (Vec::new(), false),
        };
        if !keep {
            messages.extend(forward.close(which, None));
        }
        forward.untaken += messages.iter().map(Vec::len).sum::<usize>();
        self.say(number, messages);
        keep
    }

    /// A session of channels ends with its last connection; one of SPDY is the client's to end.
    fn end_if_over(&mut self, number: u64) {
        let over = self.forward_of(number).is_some_and(|forward| {
            matches!(forward.transport, Transport::Channels) && forward.connections.is_empty()
        });
        if over {
            self.end(number, []);
        }
    }
}

/// The ID of a pod's sandbox and the name of its network namespace; nothing else shows them.
fn sandbox(pod: &str) -> (String, String) {
    let mut rng = Rng::of_text(pod);
    (rng.hex(64), rng.uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_the_query() {
        let ports = |query: &str| {
            ports(&Request::new("GET", &format!("/x?{query}"))).map_err(|status| status.message)
        };
        assert_eq!(ports("ports=80,81&ports=82"), Ok(vec![80, 81, 82]));
        assert_eq!(ports(""), Ok(Vec::new()));
        assert_eq!(
            ports("ports=x"),
            Err("unable to parse \"x\" as a port".to_owned())
        );
        assert_eq!(ports("ports=0"), Err("port \"0\" must be > 0".to_owned()));
    }

    #[test]
    fn two_streams_with_one_request_id_are_a_connection() {
        let mut halves = BTreeMap::new();
        let headers = |kind: &str, id: &str| {
            [("streamtype", kind), ("port", "80"), ("requestid", id)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        assert_eq!(pair(&mut halves, 1, &headers("error", "0")), None);
        assert_eq!(pair(&mut halves, 3, &headers("error", "1")), None);
        let connect = |data, error| {
            Some(Event::Connect {
                data,
                error,
                port: 80,
            })
        };
        assert_eq!(pair(&mut halves, 5, &headers("data", "0")), connect(5, 1));
        assert_eq!(pair(&mut halves, 7, &headers("data", "1")), connect(7, 3));
    }

    #[test]
    fn a_pod_keeps_the_id_of_its_sandbox() {
        assert_eq!(sandbox("a"), sandbox("a"));
        assert_ne!(sandbox("a"), sandbox("b"));
        assert_eq!(sandbox("a").0.len(), 64);
    }
}
