//! Streams: answers that go on, read after each change of the cluster.

pub(crate) mod watch;

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::kubelet::{FollowedLog, Nodes};
use crate::request::Chunk;

use watch::Watch;

/// Something that is read on after each change, with [`Cluster::read`](crate::Cluster::read).
#[derive(Debug)]
pub struct Stream {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Watch(Box<Watch>),
    Log(FollowedLog),
}

impl Stream {
    /// A watch that has begun.
    pub(crate) fn watch(watch: Watch) -> Self {
        Self {
            source: Source::Watch(Box::new(watch)),
        }
    }

    /// A followed log.
    pub(crate) const fn log(log: FollowedLog) -> Self {
        Self {
            source: Source::Log(log),
        }
    }

    /// When the stream has something to say although nothing changes: its end, or a bookmark.
    pub fn deadline(&self) -> Option<Time> {
        match &self.source {
            Source::Watch(watch) => Some(watch.deadline()),
            Source::Log(_) => None,
        }
    }

    /// When it ends, whether or not it is read.
    pub fn ends(&self) -> Option<Time> {
        match &self.source {
            Source::Watch(watch) => Some(watch.ends),
            Source::Log(_) => None,
        }
    }

    /// Whether it is not worth keeping for a client that does not read.
    pub(crate) fn is_over(&self, api: &ApiServer) -> bool {
        match &self.source {
            Source::Watch(watch) => api.now() >= watch.ends || watch.is_behind(api),
            Source::Log(_) => false,
        }
    }

    pub(crate) fn read(&mut self, api: &ApiServer, nodes: &Nodes) -> Chunk {
        match &mut self.source {
            Source::Watch(watch) => watch.read(api),
            Source::Log(log) => log.read(nodes),
        }
    }
}
