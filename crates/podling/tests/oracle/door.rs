//! A cluster behind plain HTTP and WebSockets on loopback, for kubectl. Its time is moved by hand: what streams have to say is sent
//! by whoever changed the cluster, so the replay knows when a client has something to react to.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use podling::apiserver::Stream;
use podling::clock::Time;
use podling::{Body, Chunk, Cluster, Credentials, Request, Response, UserInfo};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Message, Utf8Bytes, WebSocket};

/// A cluster shared with the clients that it is served to.
#[derive(Clone)]
pub(crate) struct Door {
    inside: Arc<Mutex<Inside>>,
}

struct Inside {
    cluster: Cluster,
    streams: Vec<Open>,
    sessions: Vec<Session>,
    /// Requests whose answer has not been written.
    in_flight: usize,
    requests: u64,
    /// When something last came from or went to a client.
    last_activity: Instant,
}

/// A stream and the connection that it is written to.
struct Open {
    connection: u64,
    stream: Stream,
    to: TcpStream,
}

/// A session of exec, attach or port-forward, and the WebSocket that it is written to.
struct Session {
    number: u64,
    to: WebSocket<TcpStream>,
}

/// What clients are doing.
pub(crate) struct Activity {
    /// How long nothing has come from nor gone to any; zero while a request is being answered.
    pub(crate) quiet: Duration,
    /// Watches, followed logs and sessions.
    pub(crate) streams: usize,
    /// Requests so far.
    pub(crate) requests: u64,
}

impl Door {
    pub(crate) fn new(cluster: Cluster) -> Self {
        let inside = Inside {
            cluster,
            streams: Vec::new(),
            sessions: Vec::new(),
            in_flight: 0,
            requests: 0,
            last_activity: Instant::now(),
        };
        Self {
            inside: Arc::new(Mutex::new(inside)),
        }
    }

    /// A panic in one thread is that thread's to report.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.lock().cluster.now()
    }

    pub(crate) fn handle(&self, request: &Request) -> Response {
        let mut inside = self.lock();
        let response = inside.cluster.handle(request);
        inside.pump();
        response
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.lock().cluster.next_deadline()
    }

    pub(crate) fn advance_to(&self, time: Time) {
        let mut inside = self.lock();
        inside.cluster.advance_to(time);
        inside.pump();
    }

    pub(crate) fn read(&self, stream: &mut Stream) -> Vec<u8> {
        let inside = self.lock();
        let mut bytes = Vec::new();
        loop {
            let chunk = inside.cluster.read(stream);
            bytes.extend(chunk.bytes);
            if !chunk.more {
                return bytes;
            }
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        let inside = self.lock();
        let quiet = if inside.in_flight > 0 {
            Duration::ZERO
        } else {
            inside.last_activity.elapsed()
        };
        Activity {
            quiet,
            streams: inside.streams.len() + inside.sessions.len(),
            requests: inside.requests,
        }
    }

    /// Serves the cluster until the process ends; its address.
    pub(crate) fn serve(&self) -> io::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let door = self.clone();
        thread::spawn(move || {
            for (number, socket) in (0..).zip(listener.incoming()) {
                let door = door.clone();
                // A connection that breaks is the client's to notice.
                thread::spawn(move || socket.and_then(|socket| door.talk(number, socket)));
            }
        });
        Ok(format!("http://{address}"))
    }

    fn talk(&self, connection: u64, socket: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(socket.try_clone()?);
        let talked = self.answer_all(connection, &mut reader, socket);
        self.lock().streams.retain(|open| open.connection != connection);
        talked
    }

    fn answer_all(
        &self,
        connection: u64,
        reader: &mut BufReader<TcpStream>,
        mut to: TcpStream,
    ) -> io::Result<()> {
        while let Some(asked) = read_request(reader)? {
            let mut inside = self.lock();
            inside.requests += 1;
            inside.in_flight += 1;
            drop(inside);
            let answered = self.answer(connection, &asked, &mut to);
            let mut inside = self.lock();
            inside.in_flight -= 1;
            inside.last_activity = Instant::now();
            inside.pump();
            drop(inside);
            if let Some(session) = answered? {
                return self.listen(session, to);
            }
        }
        Ok(())
    }

    /// Passes on what the client of a session says, until it is gone.
    fn listen(&self, session: u64, from: TcpStream) -> io::Result<()> {
        let mut socket = WebSocket::from_raw_socket(from, Role::Server, None);
        while let Ok(message) = socket.read() {
            let bytes = match message {
                Message::Binary(bytes) => bytes.to_vec(),
                Message::Text(text) => text.as_bytes().to_vec(),
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let mut inside = self.lock();
            inside.last_activity = Instant::now();
            inside.cluster.send(session, &bytes);
            inside.pump();
        }
        let mut inside = self.lock();
        inside.sessions.retain(|open| open.number != session);
        inside.cluster.hang_up(session);
        inside.last_activity = Instant::now();
        inside.pump();
        Ok(())
    }

    /// Answers a request; the session that it opens.
    fn answer(&self, connection: u64, asked: &Asked, to: &mut TcpStream) -> io::Result<Option<u64>> {
        let response = self.lock().cluster.handle(&asked.request);
        let mut head = format!(
            "HTTP/1.1 {} -\r\nContent-Type: {}\r\n",
            response.status, response.content_type
        );
        for (name, value) in &response.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match response.body {
            Body::Whole(bytes) => {
                let _ = write!(head, "Content-Length: {}\r\n\r\n", bytes.len());
                to.write_all(&[head.into_bytes(), bytes].concat())?;
                Ok(None)
            }
            Body::Session(number) => {
                let accept = derive_accept_key(asked.key.as_bytes());
                let _ = write!(
                    head,
                    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                to.write_all(head.as_bytes())?;
                let to = WebSocket::from_raw_socket(to.try_clone()?, Role::Server, None);
                self.lock().sessions.push(Session { number, to });
                Ok(Some(number))
            }
            Body::Stream(stream) => {
                head.push_str("Transfer-Encoding: chunked\r\n\r\n");
                to.write_all(head.as_bytes())?;
                let to = to.try_clone()?;
                self.lock().streams.push(Open {
                    connection,
                    stream,
                    to,
                });
                Ok(None)
            }
        }
    }
}

impl Inside {
    /// Sends what each stream has to say. One that ended or broke is forgotten.
    fn pump(&mut self) {
        let cluster = &mut self.cluster;
        let mut sent = false;
        self.streams.retain_mut(|open| {
            loop {
                let chunk = cluster.read(&mut open.stream);
                sent |= !chunk.bytes.is_empty() || chunk.ended;
                let goes_on = open.send(&chunk).is_ok() && !chunk.ended;
                if !(goes_on && chunk.more) {
                    return goes_on;
                }
            }
        });
        self.sessions.retain_mut(|open| {
            let said = cluster.receive(open.number);
            sent |= !said.messages.is_empty() || said.ended;
            let mut messages = said.messages.into_iter();
            let told = messages.all(|message| open.to.send(Message::Binary(message.into())).is_ok());
            if said.held {
                cluster.taken(open.number);
            }
            if said.ended {
                // The client may be gone first.
                let normal = CloseFrame {
                    code: CloseCode::Normal,
                    reason: Utf8Bytes::default(),
                };
                drop(open.to.close(Some(normal)));
                drop(open.to.flush());
            }
            told && !said.ended
        });
        if sent {
            self.last_activity = Instant::now();
        }
    }
}

impl Open {
    fn send(&mut self, chunk: &Chunk) -> io::Result<()> {
        let mut bytes = Vec::new();
        if !chunk.bytes.is_empty() {
            bytes.extend(format!("{:x}\r\n", chunk.bytes.len()).into_bytes());
            bytes.extend(&chunk.bytes);
            bytes.extend(b"\r\n");
        }
        if chunk.ended {
            bytes.extend(b"0\r\n\r\n");
        }
        self.to.write_all(&bytes)
    }
}

/// Who recorded: the user that a request comes from which says nothing else.
pub(crate) fn recorder() -> Credentials {
    Credentials::User(UserInfo {
        uid: "admin-uid".to_owned(),
        ..UserInfo::new("admin", &["system:masters", "system:authenticated"])
    })
}

/// Puts a header where a request keeps it; one without a value says that the header is not sent.
pub(crate) fn take_header(request: &mut Request, name: &str, value: Option<&str>) {
    let text = value.unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "accept" => text.clone_into(&mut request.accept),
        "content-type" => text.clone_into(&mut request.content_type),
        "if-none-match" => text.clone_into(&mut request.if_none_match),
        "user-agent" => text.clone_into(&mut request.user_agent),
        "authorization" => request.credentials = Credentials::from_authorization(value),
        _ => request.impersonation.take_header(name, text),
    }
}

/// A request as it came.
struct Asked {
    request: Request,
    /// The key of a WebSocket's handshake.
    key: String,
}

/// The next request of a connection; `None` at its end.
fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request::new(method, target);
    request.credentials = recorder();
    let (mut length, mut upgrade, mut key) = (0, false, String::new());
    let mut protocols = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "upgrade" => upgrade = value.eq_ignore_ascii_case("websocket"),
            "sec-websocket-key" => key = value,
            "sec-websocket-protocol" => protocols.push(value),
            _ => take_header(&mut request, name, Some(&value)),
        }
    }
    request.web_socket = upgrade.then(|| protocols.join(", "));
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(Asked { request, key }))
}
