//! The servers: hello-server, delayfailserver, nginx and the lab server.

use std::time::Duration;

use super::load::Load;
use super::process::{Launch, Limits, OnSignal};
use super::shell::machine::{Turn, World};
use super::{Greeting, HelloServer, LEARN, Program};
use crate::clock::Time;
use crate::network::{ConnectError, HttpRequest, HttpResponse};

mod lab;
mod nginx;

use lab::Lab;

/// `/` of a leaking server takes this much more at a time…
const LEAK_STEP: u64 = 50 << 20;
/// …after this pause…
const LEAK_PAUSE: Duration = Duration::from_millis(10);
/// …and with this much CPU time to fill it.
const LEAK_CPU: Duration = Duration::from_millis(50);

/// The CPU time of one request to a hello-server: the book's loop of about 100 a second uses 14m.
const GO_REQUEST: Duration = Duration::from_micros(135);
/// The same of nginx.
const NGINX_REQUEST: Duration = Duration::from_micros(60);
/// The same of the lab server.
const LAB_REQUEST: Duration = Duration::from_micros(100);

/// A small Go server takes so much memory…
const GO_MEMORY: u64 = 2_617_344;
/// …and nginx with its workers so much.
const NGINX_MEMORY: u64 = 5_328_896;

/// delayfailserver is healthy for so long.
const HEALTHY_FOR: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
enum Behaviour {
    Hello(HelloServer, String),
    DelayFail,
    Nginx,
    Lab(Lab),
}

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    behaviour: Behaviour,
    port: u16,
    started: Time,
    limits: Limits,
    requests: u64,
    /// When and how it ends, once that is settled.
    end: Option<(Time, i32)>,
    out_of_memory: bool,
    load: Load,
}

/// The time stamp of Go's `log` package.
pub(crate) fn stamp(time: Time) -> String {
    time.timestamp().strftime("%Y/%m/%d %H:%M:%S").to_string()
}

fn say(world: &mut World<'_>, text: &str) {
    let line = format!("{} {text}", stamp(world.now));
    world.log.line(world.now, line);
}

/// A response with a text of that type.
fn text(status: u16, body: impl Into<Vec<u8>>) -> HttpResponse {
    let body = body.into();
    HttpResponse {
        status,
        headers: vec![
            ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()),
            ("Content-Length".to_owned(), body.len().to_string()),
        ],
        body,
        took: Duration::ZERO,
    }
}

fn not_found() -> HttpResponse {
    text(404, "404 page not found\n")
}

/// How long a leak takes to reach the limit.
///
/// Example: with 100 MiB and 10m CPU it takes two steps, each 10 ms and 50 ms of CPU time, which at a hundredth
/// of a CPU is 5 s: 10.02 s.
fn leak_time(limits: Limits) -> Duration {
    let steps = u32::try_from(limits.memory.div_ceil(LEAK_STEP).max(1)).unwrap_or(u32::MAX);
    (LEAK_PAUSE + cpu_time(LEAK_CPU, limits)).saturating_mul(steps)
}

/// How long CPU work takes under a limit; a single thread uses at most one CPU.
pub(crate) fn cpu_time(work: Duration, limits: Limits) -> Duration {
    let share = limits.cpu.unwrap_or(1000).clamp(1, 1000);
    work.saturating_mul(1000) / u32::try_from(share).unwrap_or(1000)
}

impl Server {
    /// Starts a server and lets it say so.
    pub(crate) fn start(launch: &Launch<'_>, world: &mut World<'_>) -> Self {
        let (behaviour, port) = match launch.image.program {
            Program::Hello(server) => hello(server, launch, world),
            Program::DelayFail => (Behaviour::DelayFail, 8080),
            Program::Nginx => (Behaviour::Nginx, 80),
            _ => {
                let lab = Lab::new(launch.arguments);
                let port = lab.port;
                (Behaviour::Lab(lab), port)
            }
        };
        let named = launch.environment.get("PORT").filter(|_| reads_port(&behaviour));
        let unknown_port = named.filter(|named| named.parse::<u16>().is_err()).cloned();
        let mut server = Self {
            behaviour,
            port,
            started: world.now,
            limits: launch.limits,
            requests: 0,
            end: None,
            out_of_memory: false,
            load: Load::new(world.now),
        };
        if let Behaviour::Lab(lab) = &server.behaviour
            && lab.burns
        {
            server.load.burn();
        }
        server.greet(launch, unknown_port.as_deref(), world);
        if let Some(named) = unknown_port {
            say(world, &format!("listen tcp: lookup tcp/{named}: unknown port"));
            server.end = Some((world.now, 1));
        } else if launch.taken_ports.contains(&port) {
            server.fail_to_listen(world);
        }
        server
    }

    fn greet(&mut self, launch: &Launch<'_>, unknown_port: Option<&str>, world: &mut World<'_>) {
        match &self.behaviour {
            Behaviour::Hello(..) => {
                let port = unknown_port.map_or_else(|| self.port.to_string(), str::to_owned);
                say(world, &format!("Starting server on port {port}"));
            }
            Behaviour::DelayFail => say(world, "Starting server..."),
            Behaviour::Nginx => nginx::start(&launch.image.name, world),
            Behaviour::Lab(lab) => {
                say(world, "lab: start");
                let needs = lab.allocates;
                if lab.waits.is_zero() {
                    say(world, &format!("lab: listening on {}", self.port));
                }
                if needs > self.limits.memory {
                    self.out_of_memory = true;
                    self.end = Some((world.now + cpu_time(Duration::from_millis(20), self.limits), 137));
                }
            }
        }
    }

    fn fail_to_listen(&mut self, world: &mut World<'_>) {
        match self.behaviour {
            Behaviour::Nginx => nginx::fail_to_listen(self.port, world),
            _ => say(
                world,
                &format!("listen tcp :{}: bind: address already in use", self.port),
            ),
        }
        self.end = Some((world.now, 1));
    }

    /// Goes on: the lab server opens its port late, and any server may be at its end.
    pub(crate) fn run(&mut self, world: &mut World<'_>) -> Turn {
        let mut opens = None;
        if let Behaviour::Lab(lab) = &mut self.behaviour
            && !lab.waits.is_zero()
        {
            let at = self.started + lab.waits;
            if world.now < at {
                opens = Some(at);
            } else if !lab.said_listening {
                lab.said_listening = true;
                let text = format!("lab: listening on {}", self.port);
                say(world, &text);
            }
        }
        match self.end {
            Some((at, code)) if at <= world.now => Turn::Exits(code),
            Some((at, _)) => Turn::Waits(Some(at)),
            None => Turn::Waits(opens),
        }
    }

    /// SIGTERM: Go programs without a handler end with 2 when they are PID 1, nginx with 0.
    pub(crate) fn terminate(&mut self, world: &mut World<'_>) -> OnSignal {
        match &self.behaviour {
            Behaviour::Hello(..) | Behaviour::DelayFail => OnSignal::Exits(2),
            Behaviour::Nginx => {
                nginx::stop(world);
                OnSignal::Exits(0)
            }
            Behaviour::Lab(lab) => {
                let on_term = lab.on_term;
                if on_term != lab::OnTerm::Default {
                    say(world, "lab: TERM");
                }
                match on_term {
                    lab::OnTerm::Default => OnSignal::Exits(2),
                    lab::OnTerm::Exit => OnSignal::Exits(0),
                    lab::OnTerm::Ignore => OnSignal::Ignores,
                    lab::OnTerm::Drain(time) => {
                        self.end = Some((world.now + time, 0));
                        OnSignal::Goes
                    }
                }
            }
        }
    }

    /// The ports that it listens on.
    pub(crate) fn ports(&self, now: Time) -> Vec<u16> {
        let open = match &self.behaviour {
            Behaviour::Lab(lab) => now >= self.started + lab.waits,
            _ => true,
        };
        let grpc = match &self.behaviour {
            Behaviour::Lab(lab) => lab.grpc_port,
            _ => None,
        };
        let failed = self.end.is_some_and(|(_, code)| code == 1);
        if open && !failed {
            std::iter::once(self.port).chain(grpc).collect()
        } else {
            Vec::new()
        }
    }

    /// Whether the out-of-memory killer ends it.
    pub(crate) const fn was_out_of_memory(&self) -> bool {
        self.out_of_memory
    }

    /// gRPC's health on a port; `None` if it does not serve gRPC there.
    pub(crate) fn grpc_serving(&self, port: u16, now: Time) -> Option<bool> {
        match &self.behaviour {
            Behaviour::Lab(lab) if lab.grpc_port == Some(port) => {
                Some(lab.is_healthy(now.since(self.started)))
            }
            _ => None,
        }
    }

    /// Answers a request on one of its ports.
    ///
    /// # Errors
    /// It never answers.
    pub(crate) fn answer(
        &mut self,
        request: &HttpRequest,
        port: u16,
        world: &mut World<'_>,
    ) -> Result<HttpResponse, ConnectError> {
        if !self.ports(world.now).contains(&port) {
            return Err(ConnectError::Refused(format!("127.0.0.1:{port}")));
        }
        self.requests += 1;
        self.load.add(self.cost_of_request(), self.limits, world.now);
        let path = request.path.split('?').next().unwrap_or("/");
        let age = world.now.since(self.started);
        match &self.behaviour {
            Behaviour::Hello(server, config) => {
                let (server, config) = (*server, config.clone());
                self.hello(server, &config, path, world)
            }
            Behaviour::DelayFail if path == "/healthz" => Ok(delay_fail(age, world)),
            Behaviour::DelayFail => Ok(not_found()),
            Behaviour::Nginx => Ok(nginx::answer(request, path, world)),
            Behaviour::Lab(lab) => {
                let lab = lab.clone();
                Ok(lab.answer(path, age, self.limits, world))
            }
        }
    }

    const fn cost_of_request(&self) -> Duration {
        match self.behaviour {
            Behaviour::Hello(..) | Behaviour::DelayFail => GO_REQUEST,
            Behaviour::Nginx => NGINX_REQUEST,
            Behaviour::Lab(_) => LAB_REQUEST,
        }
    }

    /// CPU time used since its start, and memory in bytes.
    pub(super) fn used(&self, now: Time) -> (Duration, u64) {
        (self.load.done(self.limits, now), self.memory(now))
    }

    /// Changes what it may use. What it leaks goes on to the new limit.
    pub(super) fn set_limits(&mut self, limits: Limits, now: Time) {
        self.load.add(Duration::ZERO, self.limits, now);
        if let Some((at, code)) = self.end.filter(|_| self.out_of_memory) {
            let begun = at - leak_time(self.limits);
            self.end = Some(((begun + leak_time(limits)).max(now), code));
        }
        self.limits = limits;
    }

    fn memory(&self, now: Time) -> u64 {
        let own = match &self.behaviour {
            Behaviour::Hello(..) | Behaviour::DelayFail => GO_MEMORY,
            Behaviour::Nginx => NGINX_MEMORY,
            Behaviour::Lab(lab) => GO_MEMORY + lab.allocates,
        };
        match self.end {
            Some((at, _)) if self.out_of_memory => {
                let begun = at - leak_time(self.limits);
                let steps = now.since(begun).as_nanos() * u128::from(self.limits.memory)
                    / leak_time(self.limits).as_nanos().max(1);
                own.max(u64::try_from(steps).unwrap_or(u64::MAX))
                    .min(self.limits.memory)
            }
            _ => own,
        }
    }

    fn hello(
        &mut self,
        server: HelloServer,
        config: &str,
        path: &str,
        world: &mut World<'_>,
    ) -> Result<HttpResponse, ConnectError> {
        if server.health == Some(path) {
            say(world, "Health Status OK");
            return Ok(text(200, "OK"));
        }
        if server.metrics && path == "/metrics" {
            return Ok(text(200, self.metrics()));
        }
        if server.health.is_some() && path != "/" {
            return Ok(not_found());
        }
        match server.greeting {
            Greeting::Text(greeting) => Ok(text(200, greeting)),
            Greeting::Config => Ok(text(200, config)),
            Greeting::Leak => Err(ConnectError::Closed(self.leak(world.now))),
        }
    }

    /// Begins to leak, and gives the time until the end.
    fn leak(&mut self, now: Time) -> Duration {
        let (at, _) = *self.end.get_or_insert((now + leak_time(self.limits), 137));
        if !self.out_of_memory {
            let work = leak_time(Limits {
                cpu: None,
                ..self.limits
            });
            self.load.add(work, self.limits, now);
        }
        self.out_of_memory = true;
        at.since(now)
    }

    fn metrics(&self) -> String {
        format!(
            "# HELP http_requests_total Number of HTTP requests.\n# TYPE http_requests_total counter\n\
             http_requests_total {}\n",
            self.requests
        )
    }
}

fn hello(server: HelloServer, launch: &Launch<'_>, world: &World<'_>) -> (Behaviour, u16) {
    let named = launch
        .environment
        .get("PORT")
        .filter(|_| server.port_from_environment);
    let port = named.and_then(|port| port.parse().ok()).unwrap_or(8080);
    let config = match world.files.read("/etc/config/myconfig.txt") {
        Ok(content) => String::from_utf8_lossy(content).into_owned(),
        Err(_) => LEARN.to_owned(),
    };
    (Behaviour::Hello(server, config), port)
}

/// Whether a server takes its port from the environment.
const fn reads_port(behaviour: &Behaviour) -> bool {
    matches!(behaviour, Behaviour::Hello(server, _) if server.port_from_environment)
}

fn delay_fail(age: Duration, world: &mut World<'_>) -> HttpResponse {
    if age < HEALTHY_FOR {
        say(world, "Health Check: OK");
        return text(200, "OK");
    }
    say(world, "Error: Service Unhealthy");
    text(503, "Service Unavailable\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::images::files::PodFiles;
    use crate::images::log::Log;
    use crate::images::process::{Process, start};
    use crate::images::reference::Reference;

    struct Running {
        process: Process,
        files: PodFiles,
        log: Log,
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    impl Running {
        fn start(image: &str, arguments: &[&str], environment: &[(&str, &str)], limits: Limits) -> Self {
            let image = crate::images::find(&Reference::parse(image).unwrap()).unwrap();
            let (mut files, mut log) = (PodFiles::default(), Log::default());
            let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
            let environment: BTreeMap<String, String> = environment
                .iter()
                .map(|&(k, v)| (k.to_owned(), v.to_owned()))
                .collect();
            let launch = Launch {
                image: &image,
                command: &[],
                arguments: &arguments,
                environment: &environment,
                directory: "/",
                limits,
                stdin: false,
                terminal: false,
                user: 0,
                taken_ports: &[],
            };
            let mut world = World {
                now: at(0),
                files: files.view("root", &[]),
                log: &mut log,
            };
            let process = start(&launch, &mut world).unwrap();
            Self { process, files, log }
        }

        fn get(&mut self, seconds: i64, port: u16, path: &str) -> Result<(u16, String), ConnectError> {
            let mut world = World {
                now: at(seconds),
                files: self.files.view("root", &[]),
                log: &mut self.log,
            };
            let response = self.process.answer(&HttpRequest::get(path), port, &mut world)?;
            Ok((
                response.status,
                String::from_utf8_lossy(&response.body).into_owned(),
            ))
        }

        fn run(&mut self, seconds: i64) -> Turn {
            self.process.run(&mut World {
                now: at(seconds),
                files: self.files.view("root", &[]),
                log: &mut self.log,
            })
        }
    }

    const LARGE: Limits = Limits {
        memory: 4 << 30,
        cpu: None,
    };

    #[test]
    fn each_image_answers_as_the_book_says() {
        for (image, path, status, body) in [
            ("blux2/hello-server:1.0", "/anything", 200, "Hello, world!"),
            ("blux2/hello-server:1.2", "/", 200, LEARN),
            ("blux2/hello-server:1.5", "/", 200, LEARN),
            ("blux2/hello-server:1.6", "/health", 200, "OK"),
            ("blux2/hello-server:1.6", "/healthz", 404, "404 page not found\n"),
            ("blux2/hello-server:2.0", "/healthz", 200, "OK"),
            (
                "blux2/hello-server:2.0.1",
                "/",
                200,
                "Hello, world! Let's build, break and fix!",
            ),
        ] {
            let mut running = Running::start(image, &[], &[], LARGE);
            assert_eq!(
                running.get(1, 8080, path),
                Ok((status, body.to_owned())),
                "{image}{path}"
            );
        }
    }

    #[test]
    fn port_chooses_the_port_from_1_4_on() {
        let mut fixed = Running::start("blux2/hello-server:1.0", &[], &[("PORT", "9000")], LARGE);
        assert!(fixed.get(1, 8080, "/").is_ok());
        let mut chosen = Running::start("blux2/hello-server:1.4", &[], &[("PORT", "9000")], LARGE);
        assert!(chosen.get(1, 9000, "/").is_ok());
        assert!(chosen.get(1, 8080, "/").is_err());
        assert_eq!(
            chosen.log.into_text(),
            "1970/01/01 00:00:00 Starting server on port 9000\n"
        );
    }

    #[test]
    fn a_port_that_is_no_number_ends_the_server() {
        let mut running = Running::start("blux2/hello-server:1.8", &[], &[("PORT", "eighty")], LARGE);
        assert_eq!(running.run(1), Turn::Exits(1));
        let log = running.log.into_text();
        assert!(
            log.ends_with("listen tcp: lookup tcp/eighty: unknown port\n"),
            "{log}"
        );
    }

    #[test]
    fn delayfailserver_is_healthy_for_ten_seconds() {
        let mut running = Running::start("blux2/delayfailserver:1.1", &[], &[], LARGE);
        let statuses = [5, 9, 10, 600].map(|second| running.get(second, 8080, "/healthz").unwrap().0);
        assert_eq!(statuses, [200, 200, 503, 503]);
    }

    #[test]
    fn a_leak_under_a_small_limit_takes_about_ten_seconds() {
        let small = Limits {
            memory: 100 << 20,
            cpu: Some(10),
        };
        let mut running = Running::start("blux2/hello-server:1.7", &[], &[], small);
        let Err(ConnectError::Closed(after)) = running.get(1, 8080, "/") else {
            panic!("answered")
        };
        assert_eq!(after, Duration::from_millis(10_020));
        assert!(matches!(running.run(2), Turn::Waits(Some(_))));
        assert_eq!(running.run(12), Turn::Exits(137));
        assert!(running.process.was_out_of_memory());
    }

    #[test]
    fn the_lab_servers_flags_choose_its_health() {
        for (flags, healthy) in [
            (&["-ok-after", "5s"][..], [false, true, true]),
            (&["-fail-after", "5s"], [true, false, false]),
            (&["-flap", "4s"], [true, false, true]),
            (&[], [true, true, true]),
        ] {
            let mut running = Running::start("example/lab:1", flags, &[], LARGE);
            let statuses = [1, 6, 9].map(|second| running.get(second, 8080, "/healthz").unwrap().0 == 200);
            assert_eq!(statuses, healthy, "{flags:?}");
        }
    }
}
