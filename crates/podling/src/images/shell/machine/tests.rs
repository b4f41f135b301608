//! Whole scripts on a machine, from turn to turn: how long they take, what they print, what they ask of the network.

use super::*;
use crate::images::files::PodFiles;

struct Run {
    machine: Machine,
    files: PodFiles,
    log: Log,
    now: Time,
}

impl Run {
    fn new(script: &str) -> Self {
        let argv = ["sh", "-c", script].map(str::to_owned);
        Self {
            machine: Machine::new(&argv, &BTreeMap::from([("A".into(), "1".into())]), "/"),
            files: PodFiles::default(),
            log: Log::default(),
            now: Time::from_micros(0),
        }
    }

    fn turn(&mut self) -> Turn {
        self.machine.run(&mut World {
            now: self.now,
            files: self.files.view("root", &[]),
            log: &mut self.log,
        })
    }

    fn resume(&mut self, reply: &Reply) {
        self.machine.resume(
            reply,
            &mut World {
                now: self.now,
                files: self.files.view("root", &[]),
                log: &mut self.log,
            },
        );
    }

    /// Runs to the end and gives the seconds it took, the exit code and the output.
    fn finish(mut self) -> (i64, i32, String) {
        for _ in 0..100 {
            match self.turn() {
                Turn::Exits(code) => {
                    return (self.now.as_micros() / 1_000_000, code, self.log.into_text());
                }
                Turn::Waits(Some(time)) => self.now = time,
                other => panic!("{other:?}"),
            }
        }
        panic!("does not end: {:?} {:?}", self.machine, self.log)
    }
}

fn page(body: &str, took: Duration) -> Reply {
    let response = HttpResponse {
        status: 200,
        body: body.as_bytes().to_vec(),
        took,
        ..HttpResponse::default()
    };
    Reply::Http("10.96.1.2".to_owned(), Ok(response))
}

fn host(turn: Turn) -> String {
    match turn {
        Turn::Calls(Call::Http { host, .. }) => host,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_printed_when_it_comes() {
    let mut run = Run::new("curl -s web; echo; echo end");
    assert_eq!(host(run.turn()), "web");
    run.resume(&page("hi", Duration::from_secs(3)));
    let comes = Time::from_micros(3_000_000);
    assert_eq!(run.turn(), Turn::Waits(Some(comes)));
    assert_eq!(run.log.clone().into_text(), "");
    run.now = comes;
    assert_eq!(run.turn(), Turn::Exits(0));
    assert_eq!(run.log.into_text(), "hi\nend\n");
}

#[test]
fn a_loop_of_requests_lets_time_pass() {
    let mut run = Run::new("while true; do curl -s web; done");
    for _ in 0..3 {
        assert_eq!(host(run.turn()), "web");
        run.resume(&Reply::Http(
            "10.96.1.2".to_owned(),
            Err(ConnectError::Refused("web".to_owned())),
        ));
        let Turn::Waits(Some(at)) = run.turn() else {
            panic!("{:?}", run.machine)
        };
        assert!(at > run.now);
        run.now = at;
    }
}

#[test]
fn jobs_have_the_network_too() {
    let mut run = Run::new("curl -s a & curl -s b & wait; curl -s c; echo");
    for (name, answer) in [("a", "1"), ("b", "2")] {
        assert_eq!(host(run.turn()), name);
        run.resume(&page(answer, Duration::ZERO));
    }
    let Turn::Waits(Some(at)) = run.turn() else {
        panic!("{:?}", run.machine)
    };
    run.now = at;
    assert_eq!(host(run.turn()), "c");
    run.resume(&page("3", Duration::ZERO));
    assert_eq!(run.finish().2, "123\n");
}

#[test]
fn scripts_take_their_time_and_end_as_they_say() {
    for (script, seconds, code, output) in [
        ("echo oops >&2; exit 1", 0, 1, "oops\n"),
        ("sleep 12; exit 1", 12, 1, ""),
        ("echo done", 0, 0, "done\n"),
        (
            "i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo tick $i; sleep 1; done",
            3,
            0,
            "tick 1\ntick 2\ntick 3\n",
        ),
        ("false || echo A=$A; true && echo $?", 0, 0, "A=1\n0\n"),
        ("if [ -f /tmp/x ]; then echo yes; else echo no; fi", 0, 0, "no\n"),
        ("touch /tmp/x; cat /tmp/x && ls /tmp", 0, 0, "x\n"),
        ("echo $(echo a; echo b) \"$(echo c)\"", 0, 0, "a b c\n"),
        ("printf 'b\\na\\n' | sort | head -n 1", 0, 0, "a\n"),
        ("(exit 3); echo $?", 0, 0, "3\n"),
        (
            "for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; echo $i; done",
            0,
            0,
            "1\n3\n",
        ),
        ("while true; do break; done; echo out", 0, 0, "out\n"),
        ("echo a > /tmp/f; echo b >> /tmp/f; wc -l < /tmp/f", 0, 0, "2\n"),
        ("nosuch; echo $?", 0, 0, "sh: nosuch: not found\n127\n"),
        (
            "echo one | while read l; do echo got $l; done; echo end",
            0,
            0,
            "got one\nend\n",
        ),
        ("sh -c 'exit 4'; echo $?", 0, 0, "4\n"),
        ("until [ -f /tmp/y ]; do touch /tmp/y; sleep 2; done", 2, 0, ""),
        ("if true", 0, 2, "sh: syntax error: unexpected end of file\n"),
        (
            "cat /no; exit $?",
            0,
            1,
            "cat: can't open '/no': No such file or directory\n",
        ),
        ("sleep 5 & wait; echo joined", 5, 0, "joined\n"),
    ] {
        assert_eq!(
            Run::new(script).finish(),
            (seconds, code, output.to_owned()),
            "{script}"
        );
    }
}

#[test]
fn a_trap_ends_a_wait_and_no_trap_means_that_the_signal_is_ignored() {
    let mut run = Run::new("trap 'echo main: TERM; sleep 3; exit 0' TERM; sleep 3600 & wait");
    assert_eq!(run.turn(), Turn::Waits(Some(Time::from_micros(3_600_000_000))));
    run.now = Time::from_micros(5_000_000);
    assert!(run.machine.signal("TERM", run.now));
    assert_eq!(run.finish(), (8, 0, "main: TERM\n".to_owned()));

    let mut deaf = Run::new("sleep 3600");
    deaf.turn();
    assert!(!deaf.machine.signal("TERM", deaf.now));
}

#[test]
fn a_loop_that_never_sleeps_is_slowed_down() {
    let mut run = Run::new("while true; do true; done");
    assert!(matches!(run.turn(), Turn::Waits(Some(_))));
}

#[test]
fn a_request_waits_for_its_reply() {
    let mut run = Run::new("curl -s web:8080/x; echo $?");
    let Turn::Calls(Call::Http { host, port, request }) = run.turn() else {
        panic!("no call")
    };
    assert_eq!((host.as_str(), port, request.path.as_str()), ("web", 8080, "/x"));
    let reply = Reply::Http("10.0.0.1".into(), Err(ConnectError::NoSuchHost("web".into())));
    let mut world = World {
        now: run.now,
        files: run.files.view("root", &[]),
        log: &mut run.log,
    };
    run.machine.resume(&reply, &mut world);
    assert_eq!(run.finish().2, "6\n");
}
