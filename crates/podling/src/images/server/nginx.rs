//! nginx: its welcome page, its notices and its access log.

use super::{stamp, text};
use crate::images::shell::machine::World;
use crate::network::{HttpRequest, HttpResponse};

const WELCOME: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n<style>\nhtml { color-scheme: \
light dark; }\nbody { width: 35em; margin: 0 auto;\nfont-family: Tahoma, Verdana, Arial, sans-serif; }\n</style>\n\
</head>\n<body>\n<h1>Welcome to nginx!</h1>\n<p>If you see this page, the nginx web server is successfully installed \
and\nworking. Further configuration is required.</p>\n\n<p>For online documentation and support please refer to\n<a \
href=\"http://nginx.org/\">nginx.org</a>.<br/>\nCommercial support is available at\n<a \
href=\"http://nginx.com/\">nginx.com</a>.</p>\n\n<p><em>Thank you for using nginx.</em></p>\n</body>\n</html>\n";

const ENTRYPOINT: [&str; 9] = [
    "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
    "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
    "10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf",
    "10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf",
    "/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh",
    "/docker-entrypoint.sh: Configuration complete; ready for start up",
];

fn notice(world: &mut World<'_>, level: &str, message: &str) {
    let line = format!("{} [{level}] 1#1: {message}", stamp(world.now));
    world.log.line(world.now, line);
}

/// The lines at the start.
pub(super) fn start(image: &str, world: &mut World<'_>) {
    for line in ENTRYPOINT {
        world.log.line(world.now, line);
    }
    let tag = image.rsplit(':').next().unwrap_or_default();
    let version = if tag.starts_with(|c: char| c.is_ascii_digit()) {
        tag
    } else {
        "1.29.0"
    };
    notice(world, "notice", "using the \"epoll\" event method");
    notice(
        world,
        "notice",
        &format!("nginx/{}", version.split('-').next().unwrap_or(version)),
    );
    notice(world, "notice", "start worker processes");
    notice(world, "notice", "start worker process 29");
}

/// The port is another container's.
pub(super) fn fail_to_listen(port: u16, world: &mut World<'_>) {
    let text = format!("bind() to 0.0.0.0:{port} failed (98: Address already in use)");
    notice(world, "emerg", &text);
}

/// The lines at the end.
pub(super) fn stop(world: &mut World<'_>) {
    notice(world, "notice", "signal 3 (SIGQUIT) received, shutting down");
    notice(world, "notice", "exit");
}

/// Answers a request and logs it.
pub(super) fn answer(request: &HttpRequest, path: &str, world: &mut World<'_>) -> HttpResponse {
    let (status, body) = match world.files.read(&format!("/usr/share/nginx/html{}", index(path))) {
        Ok(content) => (200, String::from_utf8_lossy(content).into_owned()),
        Err(_) if index(path) == "/index.html" => (200, WELCOME.to_owned()),
        Err(_) => (404, not_found()),
    };
    let agent = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
    let line = format!(
        "10.244.0.1 - - [{}] \"{} {} HTTP/1.1\" {status} {} \"-\" \"{}\" \"-\"",
        world.now.timestamp().strftime("%d/%b/%Y:%H:%M:%S +0000"),
        request.method,
        request.path,
        body.len(),
        agent.map_or("-", |(_, agent)| agent)
    );
    world.log.line(world.now, line);
    let mut response = text(status, body);
    response.headers[0].1 = "text/html".to_owned();
    response
}

fn index(path: &str) -> &str {
    if path == "/" { "/index.html" } else { path }
}

fn not_found() -> String {
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n\
     <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        .to_owned()
}
