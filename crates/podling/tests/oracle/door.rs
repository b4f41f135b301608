//! A cluster behind plain HTTP on loopback, for kubectl. Its time is moved by hand: what streams have to say is sent
//! by whoever changed the cluster, so the replay knows when a client has something to react to.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use podling::apiserver::Stream;
use podling::clock::Time;
use podling::{Body, Chunk, Cluster, Request, Response};
use serde_json::json;

/// A cluster shared with the clients that it is served to.
#[derive(Clone)]
pub(crate) struct Door {
    inside: Arc<Mutex<Inside>>,
}

struct Inside {
    cluster: Cluster,
    streams: Vec<Open>,
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

/// What clients are doing.
pub(crate) struct Activity {
    /// How long nothing has come from nor gone to any; zero while a request is being answered.
    pub(crate) quiet: Duration,
    /// Watches and followed logs.
    pub(crate) streams: usize,
    /// Requests so far.
    pub(crate) requests: u64,
}

impl Door {
    pub(crate) fn new(cluster: Cluster) -> Self {
        let inside = Inside {
            cluster,
            streams: Vec::new(),
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

    pub(crate) fn read(&self, stream: &mut Stream) -> Chunk {
        self.lock().cluster.read(stream)
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
            streams: inside.streams.len(),
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
            answered?;
        }
        Ok(())
    }

    fn answer(&self, connection: u64, asked: &Asked, to: &mut TcpStream) -> io::Result<()> {
        let response = if asked.upgrade {
            no_upgrade(&asked.request.path)
        } else {
            self.lock().cluster.handle(&asked.request)
        };
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
                to.write_all(&[head.into_bytes(), bytes].concat())
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
                Ok(())
            }
        }
    }
}

impl Inside {
    /// Sends what each stream has to say. One that ended or broke is forgotten.
    fn pump(&mut self) {
        let cluster = &self.cluster;
        let mut sent = false;
        self.streams.retain_mut(|open| {
            let chunk = cluster.read(&mut open.stream);
            sent |= !chunk.bytes.is_empty() || chunk.ended;
            open.send(&chunk).is_ok() && !chunk.ended
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

/// A request as it came.
struct Asked {
    request: Request,
    upgrade: bool,
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
    let (mut length, mut upgrade) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "accept" => request.accept = value,
            "content-type" => request.content_type = value,
            "user-agent" => request.user_agent = value,
            "content-length" => length = value.parse().unwrap_or(0),
            "upgrade" => upgrade = true,
            _ => {}
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(Asked { request, upgrade }))
}

/// Exec, attach and port-forward, which are not served here.
fn no_upgrade(path: &str) -> Response {
    let verb = path.rsplit('/').next().unwrap_or_default();
    let message = format!("the embedded cluster does not serve {verb} yet");
    Response::json(
        501,
        &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": 501}),
    )
}
