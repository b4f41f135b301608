//! Clients that do not read: what waits for them is bounded, and what they would read waits too.

use std::time::Duration;

use podling::apiserver::Stream;
use podling::{Body, Chunk, Request};
use serde_json::json;

use super::{Lab, PODS};

/// More than may wait for a client of a session.
const MUCH: usize = 2 * 1024 * 1024;

/// More than one reading gives of a watch or a log.
const CHUNK: usize = 80 * 1024;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// What a session's client gets before the session waits for it, and whether it waits.
fn received(lab: &mut Lab, session: u64) -> (usize, bool) {
    let said = lab.cluster.receive(session);
    (said.messages.iter().map(Vec::len).sum(), said.held)
}

/// What a client gets that takes everything.
fn all(lab: &mut Lab, session: u64) -> usize {
    let mut bytes = 0;
    loop {
        let (more, held) = received(lab, session);
        bytes += more;
        if !held {
            return bytes;
        }
        lab.cluster.taken(session);
        lab.wait(1.0);
    }
}

fn stream(lab: &mut Lab, path: &str) -> Stream {
    match lab.cluster.handle(&Request::new("GET", path)).body {
        Body::Stream(stream) => stream,
        Body::Whole(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
        Body::Session(number) => panic!("session {number}"),
    }
}

fn write(lab: &mut Lab, number: usize) {
    let object = json!({"metadata": {"name": format!("c{number}")}, "data": {"x": "x".repeat(1024)}});
    let created = lab
        .cluster
        .handle(&Request::new("POST", CONFIG_MAPS).with_json(&object));
    assert_eq!(created.status, 201, "{}", created.body_json());
}

/// Reads a stream to where it is now; every chunk is small.
fn read(lab: &Lab, stream: &mut Stream) -> (String, bool) {
    let mut text = String::new();
    loop {
        let Chunk { bytes, more, ended } = lab.cluster.read(stream);
        assert!(bytes.len() <= CHUNK, "{}", bytes.len());
        text += &String::from_utf8(bytes).unwrap();
        if !more {
            return (text, ended);
        }
    }
}

#[test]
fn a_command_waits_for_its_client() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(
        &[
            "sh",
            "-c",
            "while true; do seq 1 10000; echo x >> /tmp/rounds; done",
        ],
        "",
    );
    lab.wait(600.0);
    let (first, held) = received(&mut lab, session);
    assert!(held && first < MUCH, "{first}");
    let rounds = |lab: &mut Lab| {
        let count = lab.exec(&["sh", "-c", "wc -l < /tmp/rounds"], "");
        lab.hear(count).stdout
    };
    let before = rounds(&mut lab);
    lab.wait(600.0);
    assert_eq!(
        (received(&mut lab, session).0, rounds(&mut lab)),
        (0, before.clone())
    );
    lab.cluster.taken(session);
    lab.wait(1.0);
    assert!(received(&mut lab, session).0 > 0);
    assert_ne!(rounds(&mut lab), before);
}

#[test]
fn a_client_that_takes_everything_gets_everything() {
    let mut lab = Lab::sleeping();
    let session = lab.exec(&["sh", "-c", "for i in 1 2 3 4 5; do seq 1 100000; done"], "");
    let digits = 9 + 90 * 2 + 900 * 3 + 9_000 * 4 + 90_000 * 5 + 6;
    // A channel's number stands before each 32 KiB.
    let expected = 5 * (digits + 100_000);
    let got = all(&mut lab, session);
    assert!((expected..expected + 300).contains(&got), "{got}, not {expected}");
}

#[test]
fn a_containers_first_process_waits_for_an_attached_client_until_it_is_gone() {
    let script = "while true; do seq 1 1000; sleep 1; done";
    let mut lab = Lab::new(&[(
        "p",
        json!({"image": "busybox:1.36.1", "command": ["sh", "-c", script]}),
    )]);
    let attached = lab
        .open("p/attach?stdout=true", Some("v5.channel.k8s.io"))
        .unwrap();
    lab.wait(3600.0);
    let (first, held) = received(&mut lab, attached);
    assert!(held && first < MUCH, "{first}");
    let path = format!("{PODS}/p/log?sinceSeconds=60");
    let lines = |lab: &mut Lab| match lab.cluster.handle(&Request::new("GET", &path)).body {
        Body::Whole(bytes) => bytes.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(lines(&mut lab), 0);
    lab.cluster.hang_up(attached);
    lab.wait(5.0);
    assert!(lines(&mut lab) > 0);
}

#[test]
fn requests_on_a_forwarded_port_wait_for_the_client() {
    let mut lab = Lab::new(&[("p", json!({"image": "nginx:1.25.3"}))]);
    let session = lab
        .open("p/portforward?ports=80", Some("v4.channel.k8s.io"))
        .unwrap();
    let mut sent = 0;
    while lab.cluster.has_room(session) {
        lab.say(session, 0, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        lab.wait(1.0);
        sent += 1;
        assert!(sent < 10_000);
    }
    let (first, held) = received(&mut lab, session);
    assert!(held && first < MUCH, "{first}");
    lab.cluster.taken(session);
    lab.wait(1.0);
    let rest = all(&mut lab, session);
    assert!(rest > first, "{rest} after {first}");
    assert!(lab.cluster.has_room(session));
}

#[test]
fn a_request_on_a_forwarded_port_that_never_ends_is_none() {
    let mut lab = Lab::new(&[("p", json!({"image": "nginx:1.25.3"}))]);
    let session = lab
        .open("p/portforward?ports=80", Some("v4.channel.k8s.io"))
        .unwrap();
    lab.say(
        session,
        0,
        b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n",
    );
    for _ in 0..40 {
        lab.say(session, 0, &[b'x'; 32 * 1024]);
    }
    let said = lab.cluster.receive(session);
    let text: Vec<u8> = said.messages[2..].concat();
    assert!(String::from_utf8_lossy(&text).contains("400 Bad Request"));
    assert!(said.ended);
}

#[test]
fn input_that_a_command_does_not_read_has_to_wait() {
    let mut lab = Lab::sleeping();
    for (command, waits) in [("sleep 10; cat", true), ("cat", false)] {
        let session = lab.exec(&["sh", "-c", command], "&stdin=true");
        for _ in 0..3 {
            lab.say(session, 0, &[b'x'; 32 * 1024]);
        }
        assert_eq!(lab.cluster.has_room(session), !waits, "{command}");
        lab.wait(20.0);
        assert!(lab.cluster.has_room(session), "{command}");
    }
}

#[test]
fn a_watch_is_read_in_small_parts_and_all_of_it() {
    let mut lab = Lab::new(&[]);
    for number in 0..300 {
        write(&mut lab, number);
    }
    let mut watch = stream(&mut lab, &format!("{CONFIG_MAPS}?watch=true"));
    for number in 300..600 {
        write(&mut lab, number);
    }
    let (text, ended) = read(&lab, &mut watch);
    let added = text.lines().filter(|line| line.contains("\"ADDED\"")).count();
    // One more is the authority that every namespace has.
    assert_eq!((added, ended), (601, false));
}

#[test]
fn a_watch_that_is_not_read_is_over_when_what_it_missed_is_forgotten() {
    let mut lab = Lab::new(&[]);
    let mut watch = stream(&mut lab, &format!("{CONFIG_MAPS}?watch=true"));
    let mut number = 0;
    while !lab.cluster.is_over(&watch) {
        write(&mut lab, number);
        number += 1;
        assert!(number < 10_000);
    }
    assert!(number > 1_000, "{number}");
    let (text, ended) = read(&lab, &mut watch);
    let last = text.lines().last().unwrap_or_default().to_owned();
    assert!(
        last.contains("\"ERROR\"") && last.contains("too old resource version"),
        "{last}"
    );
    assert!(ended);
}

#[test]
fn a_watch_that_is_not_read_is_over_at_its_end() {
    let mut lab = Lab::new(&[]);
    let watch = stream(&mut lab, &format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=60"));
    assert_eq!(watch.ends(), Some(lab.cluster.now() + Duration::from_secs(60)));
    lab.wait(59.0);
    assert!(!lab.cluster.is_over(&watch));
    lab.wait(1.0);
    assert!(lab.cluster.is_over(&watch));
}

#[test]
fn a_followed_log_is_read_in_small_parts_and_all_of_it() {
    let script = "seq 1 50000; sleep 3600";
    let mut lab = Lab::new(&[(
        "p",
        json!({"image": "busybox:1.36.1", "command": ["sh", "-c", script]}),
    )]);
    for (options, first, count) in [("", "1", 50_000), ("&tailLines=30000", "20001", 30_000)] {
        let mut log = stream(&mut lab, &format!("{PODS}/p/log?follow=true{options}"));
        let (text, ended) = read(&lab, &mut log);
        assert_eq!(
            (text.lines().next(), text.lines().count(), ended),
            (Some(first), count, false)
        );
    }
    let mut log = stream(&mut lab, &format!("{PODS}/p/log?follow=true&limitBytes=100000"));
    let (text, ended) = read(&lab, &mut log);
    assert_eq!((text.len(), ended), (100_000, true));
}
