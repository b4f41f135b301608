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
    /// What was there to say when the stream was opened.
    first: Option<Chunk>,
}

#[derive(Debug)]
enum Source {
    Watch(Box<Watch>),
    Log(FollowedLog),
}

impl Stream {
    /// A watch. Its first events are those of the moment it is opened, whenever they are read.
    pub(crate) fn watch(api: &ApiServer, mut watch: Watch) -> Self {
        let first = Some(watch.read(api));
        Self {
            source: Source::Watch(Box::new(watch)),
            first,
        }
    }

    /// A followed log.
    pub(crate) fn log(log: FollowedLog) -> Self {
        Self {
            source: Source::Log(log),
            first: None,
        }
    }

    /// When the stream has something to say although nothing changes: its end, or a bookmark.
    pub fn deadline(&self) -> Option<Time> {
        match &self.source {
            Source::Watch(watch) => Some(watch.deadline()),
            Source::Log(_) => None,
        }
    }

    pub(crate) fn read(&mut self, api: &ApiServer, nodes: &Nodes) -> Chunk {
        let mut chunk = self.first.take().unwrap_or_default();
        if chunk.ended {
            return chunk;
        }
        let more = match &mut self.source {
            Source::Watch(watch) => watch.read(api),
            Source::Log(log) => log.read(nodes),
        };
        chunk.bytes.extend(more.bytes);
        chunk.ended = more.ended;
        chunk
    }
}
