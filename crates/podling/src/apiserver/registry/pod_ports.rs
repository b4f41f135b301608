//! Ports of a Pod's containers that get in each other's way: its containers have one address.
//!
//! Source: `k8s.io/kubernetes/pkg/api/pod/warnings.go`, v1.36.

use serde_json::Value;

use super::read::Fields as _;

/// A port and where it stands.
struct Port<'a> {
    path: String,
    port: &'a Value,
}

impl Port<'_> {
    fn host_port(&self) -> i64 {
        self.port.number("hostPort").unwrap_or_default()
    }

    fn is_like(&self, other: &Self) -> bool {
        let identity = |port: &Value| (port.number("containerPort"), port.text("protocol").to_owned());
        identity(self.port) == identity(other.port)
    }

    /// How the port goes with one before it that is the same inside the Pod.
    fn relation(&self, other: &Self) -> Option<&'static str> {
        let (ip, other_ip) = (self.port.text("hostIP"), other.port.text("hostIP"));
        if ip == other_ip && self.host_port() == other.host_port() {
            Some("duplicate")
        } else if self.host_port() == 0 || other.host_port() == 0 {
            Some("overlapping")
        } else if self.host_port() == other.host_port() && ip.is_empty() != other_ip.is_empty() {
            Some("dangerously ambiguous")
        } else {
            None
        }
    }

    /// The port as Go prints it.
    fn shown(&self) -> String {
        let text = |key| self.port.text(key);
        format!(
            "{{Name:{} HostPort:{} ContainerPort:{} Protocol:{} HostIP:{}}}",
            text("name"),
            self.host_port(),
            self.port.number("containerPort").unwrap_or_default(),
            text("protocol"),
            text("hostIP"),
        )
    }
}

/// Warns about the ports of the containers, each with its path.
pub(super) fn warn(containers: &[(String, &Value)], warnings: &mut Vec<String>) {
    let mut earlier: Vec<Port<'_>> = Vec::new();
    for (path, container) in containers {
        for (i, port) in container.items("ports").iter().enumerate() {
            let path = format!("{path}.ports[{i}]");
            let port = Port { path, port };
            if !port.port.text("hostIP").is_empty() && port.host_port() == 0 {
                warnings.push(format!(
                    "{}: hostIP set without hostPort: {}",
                    port.path,
                    port.shown()
                ));
            }
            for other in earlier.iter().filter(|other| other.is_like(&port)) {
                let how = port.relation(other);
                warnings.extend(
                    how.map(|how| format!("{}: {how} port definition with {}", port.path, other.path)),
                );
            }
            earlier.push(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_that_meet_are_pointed_out() {
        let port = |host_port: i64, ip: &str| json!({"containerPort": 80, "protocol": "TCP", "hostPort": host_port, "hostIP": ip});
        let cases = [
            (json!([port(0, ""), {"containerPort": 80, "protocol": "UDP"}]), ""),
            (
                json!([port(0, ""), port(0, "")]),
                "c.ports[1]: duplicate port definition with c.ports[0]",
            ),
            (
                json!([port(0, ""), port(81, "")]),
                "c.ports[1]: overlapping port definition with c.ports[0]",
            ),
            (
                json!([port(81, ""), port(81, "10.0.0.1")]),
                "c.ports[1]: dangerously ambiguous port definition with c.ports[0]",
            ),
            (json!([port(81, ""), port(82, "")]), ""),
            (
                json!([port(0, "10.0.0.1")]),
                "c.ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}",
            ),
        ];
        for (ports, expected) in cases {
            let mut warnings = Vec::new();
            warn(&[("c".to_owned(), &json!({"ports": ports}))], &mut warnings);
            assert_eq!(warnings.join("; "), expected, "{ports}");
        }
    }
}
