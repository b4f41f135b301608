//! What a kubelet and its runtime write into `/etc` of every container: `hosts`, `hostname` and `resolv.conf`.
//!
//! Source: `pkg/kubelet/kubelet_pods.go` (`managedHostsFileContent`), `pkg/kubelet/network/dns/dns.go`, and containerd's
//! `parseDNSOptions`, v1.36. Differs from Kubernetes: a node's own files are those of a kind node, and its
//! `resolv.conf` names no search domains.

use std::fmt::Write as _;

use serde_json::Value;

use crate::images::files::Tree;
use crate::storage::text;

/// The domain of the cluster's names.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// The address of the Service `kube-dns`.
const CLUSTER_DNS: &str = "10.96.0.10";

/// The name server that a node asks.
const NODE_DNS: &str = "172.18.0.1";

const LOOPBACK: &str = "127.0.0.1\tlocalhost\n\
                        ::1\tlocalhost ip6-localhost ip6-loopback\n\
                        fe00::0\tip6-localnet\n\
                        fe00::0\tip6-mcastprefix\n\
                        fe00::1\tip6-allnodes\n\
                        fe00::2\tip6-allrouters\n";

/// The files of a container of `pod`; `address` is the Pod's own, `None` on the node's network.
pub(super) fn network_files(pod: &Value, hostname: &str, address: Option<&str>) -> Tree {
    let files = [
        ("/etc/hostname", format!("{hostname}\n")),
        ("/etc/hosts", hosts(pod, hostname, address)),
        ("/etc/resolv.conf", Resolver::of(pod).file()),
    ];
    files
        .into_iter()
        .map(|(path, content)| (path.to_owned(), content.into_bytes()))
        .collect()
}

fn hosts(pod: &Value, hostname: &str, address: Option<&str>) -> String {
    let mut file = match address {
        Some(address) => {
            let own = match text(pod, &["spec", "subdomain"]) {
                "" => hostname.to_owned(),
                subdomain => {
                    let namespace = text(pod, &["metadata", "namespace"]);
                    format!("{hostname}.{subdomain}.{namespace}.svc.{CLUSTER_DOMAIN}\t{hostname}")
                }
            };
            format!("# Kubernetes-managed hosts file.\n{LOOPBACK}{address}\t{own}\n")
        }
        None => format!("# Kubernetes-managed hosts file (host network).\n{LOOPBACK}"),
    };
    let aliases = pod["spec"]["hostAliases"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if !aliases.is_empty() {
        file.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names: Vec<&str> = texts(&alias["hostnames"]).collect();
        // Writing to a string does not fail.
        let _ = writeln!(file, "{}\t{}", text(alias, &["ip"]), names.join("\t"));
    }
    file
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// What stands in a `resolv.conf`.
#[derive(Debug, Default)]
struct Resolver {
    searches: Vec<String>,
    servers: Vec<String>,
    /// Name and value; the value is empty for an option without one.
    options: Vec<(String, String)>,
}

impl Resolver {
    /// What the Pod's `dnsPolicy` gives it, with its `dnsConfig` added.
    fn of(pod: &Value) -> Self {
        let on_node = pod["spec"]["hostNetwork"] == true;
        let mut resolver = match text(pod, &["spec", "dnsPolicy"]) {
            "None" => Self::default(),
            "ClusterFirst" if !on_node => Self::of_cluster(text(pod, &["metadata", "namespace"])),
            "ClusterFirstWithHostNet" => Self::of_cluster(text(pod, &["metadata", "namespace"])),
            _ => Self {
                servers: vec![NODE_DNS.to_owned()],
                options: vec![("ndots".to_owned(), "0".to_owned())],
                ..Self::default()
            },
        };
        resolver.add(&pod["spec"]["dnsConfig"]);
        resolver
    }

    fn of_cluster(namespace: &str) -> Self {
        Self {
            searches: vec![
                format!("{namespace}.svc.{CLUSTER_DOMAIN}"),
                format!("svc.{CLUSTER_DOMAIN}"),
                CLUSTER_DOMAIN.to_owned(),
            ],
            servers: vec![CLUSTER_DNS.to_owned()],
            options: vec![("ndots".to_owned(), "5".to_owned())],
        }
    }

    /// Servers and searches are appended once each; an option replaces the one of its name.
    fn add(&mut self, config: &Value) {
        for (list, more) in [
            (&mut self.servers, &config["nameservers"]),
            (&mut self.searches, &config["searches"]),
        ] {
            for one in texts(more) {
                if !list.iter().any(|known| known == one) {
                    list.push(one.to_owned());
                }
            }
        }
        for option in config["options"].as_array().into_iter().flatten() {
            let (name, value) = (text(option, &["name"]), text(option, &["value"]).to_owned());
            match self.options.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = value,
                None => self.options.push((name.to_owned(), value)),
            }
        }
    }

    fn file(&self) -> String {
        let mut file = String::new();
        if !self.searches.is_empty() {
            let _ = writeln!(file, "search {}", self.searches.join(" "));
        }
        for server in &self.servers {
            let _ = writeln!(file, "nameserver {server}");
        }
        let option = |(name, value): &(String, String)| match value.as_str() {
            "" => name.clone(),
            value => format!("{name}:{value}"),
        };
        if !self.options.is_empty() {
            let options: Vec<String> = self.options.iter().map(option).collect();
            let _ = writeln!(file, "options {}", options.join(" "));
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(spec: &Value, path: &str, address: Option<&str>) -> String {
        let pod = json!({"metadata": {"namespace": "shop"}, "spec": spec});
        let mut files = network_files(&pod, "web-0", address);
        String::from_utf8(files.remove(path).unwrap()).unwrap()
    }

    #[test]
    fn a_pod_finds_itself_its_subdomain_and_its_aliases_in_hosts() {
        let own = |spec: Value| {
            let hosts = file(&spec, "/etc/hosts", Some("10.244.0.5"));
            hosts
                .strip_prefix("# Kubernetes-managed hosts file.\n")
                .and_then(|rest| rest.strip_prefix(LOOPBACK))
                .map(str::to_owned)
        };
        assert_eq!(own(json!({})).as_deref(), Some("10.244.0.5\tweb-0\n"));
        assert_eq!(
            own(json!({"subdomain": "web"})).as_deref(),
            Some("10.244.0.5\tweb-0.web.shop.svc.cluster.local\tweb-0\n")
        );
        let aliases = json!({"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a.example", "b.example"]}]});
        assert_eq!(
            own(aliases).as_deref(),
            Some("10.244.0.5\tweb-0\n\n# Entries added by HostAliases.\n1.2.3.4\ta.example\tb.example\n")
        );
        let on_node = file(&json!({"hostNetwork": true}), "/etc/hosts", None);
        assert!(on_node.starts_with("# Kubernetes-managed hosts file (host network).\n127.0.0.1"));
    }

    #[test]
    fn names_are_resolved_as_the_policy_and_the_configuration_say() {
        let cluster =
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n";
        let node = "nameserver 172.18.0.1\noptions ndots:0\n";
        let cases = [
            (
                json!({"dnsPolicy": "ClusterFirst"}),
                format!("{cluster}options ndots:5\n"),
            ),
            (
                json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true}),
                node.to_owned(),
            ),
            (
                json!({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true}),
                format!("{cluster}options ndots:5\n"),
            ),
            (json!({"dnsPolicy": "Default"}), node.to_owned()),
            (
                json!({"dnsPolicy": "None", "dnsConfig": {
                    "nameservers": ["8.8.8.8", "8.8.8.8"], "options": [{"name": "edns0"}],
                }}),
                "nameserver 8.8.8.8\noptions edns0\n".to_owned(),
            ),
            (
                json!({"dnsPolicy": "ClusterFirst", "dnsConfig": {
                    "searches": ["example.org"], "options": [{"name": "ndots", "value": "2"}],
                }}),
                "search shop.svc.cluster.local svc.cluster.local cluster.local example.org\n\
                 nameserver 10.96.0.10\noptions ndots:2\n"
                    .to_owned(),
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(
                file(&spec, "/etc/resolv.conf", Some("10.244.0.5")),
                expected,
                "{spec}"
            );
        }
    }
}
