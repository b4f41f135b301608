//! The body of an answer: whole, or a watch or log that goes on as the cluster changes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use podling::apiserver::Stream;
use tokio::sync::{mpsc, watch};

use crate::shared::{Shared, Stopping};

/// The body of an answer. It never fails: a stream that can't go on ends.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Whole(Full<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }

    /// A body that says what `stream` has to say, until it ends or the cluster stops. Dropping it ends it.
    pub(crate) fn stream(shared: Arc<Shared>, stream: Stream) -> Self {
        // One small chunk waits for the client and no more is read until it has taken it: a slow client costs little
        // memory and holds nobody up. What it misses stands in the cluster's log of changes, or in the container's.
        let (to, from) = mpsc::channel(1);
        tokio::spawn(follow(shared, stream, to));
        Self::Stream(from)
    }
}

/// Sends what `stream` has to say after each change. One whose client has not read for so long that it can't be told
/// all any more ends.
async fn follow(shared: Arc<Shared>, mut stream: Stream, to: mpsc::Sender<Bytes>) {
    let mut changes = shared.changes();
    let mut stopping = shared.stopping();
    loop {
        let room = tokio::select! {
            biased;
            room = to.reserve() => room,
            () = over(&shared, &stream, &mut changes) => return,
            () = stopping.told() => return,
        };
        let Ok(room) = room else { return };
        // Marked as seen before the cluster is read, so that no change falls between.
        changes.mark_unchanged();
        let chunk = shared.read(&mut stream);
        if !chunk.bytes.is_empty() {
            room.send(Bytes::from(chunk.bytes));
        }
        if chunk.more {
            continue;
        }
        if chunk.ended || !wait(&shared, &stream, &to, &mut changes, &mut stopping).await {
            return;
        }
    }
}

/// Returns when `stream` is not worth keeping for a client that does not read.
async fn over(shared: &Shared, stream: &Stream, changes: &mut watch::Receiver<u64>) {
    while !shared.is_over(stream) {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = shared.sleep_until(stream.ends()) => {}
        }
    }
}

/// Waits for something that the stream might say; false when nobody wants to hear it any more.
async fn wait(
    shared: &Shared,
    stream: &Stream,
    to: &mpsc::Sender<Bytes>,
    changes: &mut watch::Receiver<u64>,
    stopping: &mut Stopping,
) -> bool {
    tokio::select! {
        changed = changes.changed() => changed.is_ok(),
        () = shared.sleep_until(stream.deadline()) => true,
        () = to.closed() => false,
        () = stopping.told() => false,
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Stream(chunks) => chunks
                .poll_recv(context)
                .map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
