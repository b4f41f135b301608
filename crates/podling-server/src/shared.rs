//! What all doors to one cluster share: the cluster behind its one lock, the clock, and the word that something
//! changed.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use podling::apiserver::Stream;
use podling::clock::Time;
use podling::{Chunk, Messages, Request, Response};
use tokio::sync::watch;

use crate::journal::Journal;
use crate::recorded_cluster::RecordedCluster;
use crate::time_source::Clock;

/// How long after a request the journal is synced to the disk; requests in between are synced with it.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// One running cluster.
#[derive(Debug)]
pub(crate) struct Shared {
    clock: Clock,
    cluster: Mutex<RecordedCluster>,
    /// Counts the moments at which the cluster may have changed. Counted with the lock held.
    changes: watch::Sender<u64>,
    /// Counts the requests that may stand in the journal and not yet on the disk.
    recorded: watch::Sender<u64>,
    /// True once the cluster is to end. Each task keeps a receiver as long as it runs.
    stopping: watch::Sender<bool>,
}

/// Hears when the cluster is to end. [`Shared::ended`] waits until each of these is dropped, so a task keeps it as
/// long as it has something to finish.
#[derive(Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns when the cluster is to end.
    pub(crate) async fn told(&mut self) {
        // An error means that the cluster is gone altogether.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

impl Shared {
    pub(crate) fn new(clock: Clock, cluster: RecordedCluster) -> Self {
        Self {
            clock,
            cluster: Mutex::new(cluster),
            changes: watch::Sender::new(0),
            recorded: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }
    }

    /// Answers one request at the present time.
    pub(crate) fn handle(&self, request: &Request) -> Response {
        let mut cluster = self.advanced();
        let response = cluster.handle(request);
        if !request.is_read_only() {
            self.changed();
        }
        response
    }

    /// What a stream has to say at the present time.
    pub(crate) fn read(&self, stream: &mut Stream) -> Chunk {
        self.advanced().read(stream)
    }

    /// Whether a stream is not worth keeping for a client that does not read.
    pub(crate) fn is_over(&self, stream: &Stream) -> bool {
        self.advanced().is_over(stream)
    }

    /// Passes on what the client of a session says; whether the session can go on.
    pub(crate) fn send(&self, session: u64, message: Vec<u8>) -> bool {
        let passed_on = self.advanced().send(session, message);
        self.changed();
        passed_on
    }

    /// Lets the cluster know that the client of a session is gone.
    pub(crate) fn hang_up(&self, session: u64) {
        self.advanced().hang_up(session);
        self.changed();
    }

    /// Lets the cluster know that the client of a session has taken what it was told.
    pub(crate) fn taken(&self, session: u64) {
        self.advanced().taken(session);
        self.changed();
    }

    /// Whether a session has room for another message of its client at the present time.
    pub(crate) fn has_room(&self, session: u64) -> bool {
        self.advanced().has_room(session)
    }

    /// What a session has to say at the present time.
    pub(crate) fn receive(&self, session: u64) -> Messages {
        self.advanced().receive(session)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
        self.recorded.send_modify(|count| *count += 1);
    }

    /// The present cluster time.
    pub(crate) fn now(&self) -> Time {
        self.advanced().now()
    }

    /// Told after each change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Told when the cluster is to end.
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stopping.subscribe())
    }

    pub(crate) async fn sleep_until(&self, deadline: Option<Time>) {
        self.clock.sleep_until(deadline).await;
    }

    /// Tells every task to end.
    pub(crate) fn end(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether [`end`](Self::end) was called.
    pub(crate) fn is_ending(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns when every task has ended.
    pub(crate) async fn ended(&self) {
        self.stopping.closed().await;
    }

    /// Refuses further requests and brings the journal to the disk.
    pub(crate) fn close(&self) -> io::Result<()> {
        match self.lock().end() {
            Some(journal) => journal.file()?.sync_all(),
            None => Ok(()),
        }
    }

    /// The cluster, brought to the present time; who waits for changes is told if there were any.
    fn advanced(&self) -> MutexGuard<'_, RecordedCluster> {
        let mut cluster = self.lock();
        let now = self.clock.now();
        let due = cluster.is_due(now);
        cluster.advance_to(now);
        if due {
            self.changes.send_modify(|count| *count += 1);
        }
        cluster
    }

    /// A panic with the lock held costs the request that caused it, not the cluster.
    fn lock(&self) -> MutexGuard<'_, RecordedCluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the cluster to the present and says when it next has something to do. Changes until then count as
    /// seen by `changes`.
    fn settle(&self, changes: &mut watch::Receiver<u64>) -> Option<Time> {
        let cluster = self.advanced();
        changes.mark_unchanged();
        cluster.next_deadline()
    }
}

/// Lets time pass in the cluster: sleeps until something is due or a request has changed what is due next.
pub(crate) async fn drive(shared: Arc<Shared>) {
    let mut changes = shared.changes();
    let mut stopping = shared.stopping();
    loop {
        let deadline = shared.settle(&mut changes);
        tokio::select! {
            _ = changes.changed() => {}
            () = shared.sleep_until(deadline) => {}
            () = stopping.told() => return,
        }
    }
}

/// Brings the journal to the disk within [`SYNC_AFTER`] of each request.
pub(crate) async fn sync(shared: Arc<Shared>) {
    let mut recorded = shared.recorded.subscribe();
    let mut stopping = shared.stopping();
    loop {
        tokio::select! {
            _ = recorded.changed() => {}
            () = stopping.told() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(SYNC_AFTER) => {}
            () = stopping.told() => return,
        }
        recorded.mark_unchanged();
        let file = shared.lock().journal().map(Journal::file);
        let Some(file) = file else { return };
        let synced = tokio::task::spawn_blocking(move || file?.sync_data()).await;
        if let Ok(Err(error)) = synced {
            tracing::warn!(%error, "the journal could not be synced to the disk");
        }
    }
}
