//! WebSockets: sessions of exec, attach and port-forward, between a client and the cluster.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::answer::text;
use crate::body::AnswerBody;
use crate::shared::Shared;

/// How long a client may take to close its side once its session has ended.
const GRACE: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A client's wish to go on with a WebSocket.
pub(crate) struct Upgrade {
    connection: OnUpgrade,
    accept: String,
}

/// The subprotocols that a request for a WebSocket offers; `None` for another request.
pub(crate) fn offered(headers: &HeaderMap) -> Option<String> {
    let wanted = text(headers, &UPGRADE).eq_ignore_ascii_case("websocket");
    (wanted && headers.contains_key(SEC_WEBSOCKET_KEY)).then(|| text(headers, &SEC_WEBSOCKET_PROTOCOL))
}

impl Upgrade {
    /// What a request says about it; `None` where it says nothing, or comes over no connection.
    pub(crate) fn of<B>(request: &mut http::Request<B>) -> Option<Self> {
        let key = request.headers().get(SEC_WEBSOCKET_KEY)?.clone();
        let connection = request.extensions_mut().remove::<OnUpgrade>()?;
        Some(Self {
            connection,
            accept: derive_accept_key(key.as_bytes()),
        })
    }

    /// Answers with the upgrade, and carries the session as soon as the client has it.
    pub(crate) fn accept(
        self,
        shared: &Arc<Shared>,
        session: u64,
        headers: &[(String, String)],
    ) -> http::Response<AnswerBody> {
        tokio::spawn(carry(Arc::clone(shared), self.connection, session));
        let mut response = http::Response::new(AnswerBody::whole(bytes::Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let to = response.headers_mut();
        to.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        to.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(self.accept) {
            to.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                to.insert(name, value);
            }
        }
        response
    }
}

/// Carries a session until one side ends it.
async fn carry(shared: Arc<Shared>, connection: OnUpgrade, session: u64) {
    let mut stopping = shared.stopping();
    let upgraded = tokio::select! {
        upgraded = connection => upgraded,
        () = stopping.told() => return,
    };
    if let Ok(upgraded) = upgraded {
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let (mut to, mut from) = socket.split();
        tokio::select! {
            () = listen(&shared, &mut from, session) => {}
            () = speak(&shared, &mut to, session) => {
                // What the client still sends is read away: closing before it would take the last answer with it.
                let gone = async { while let Some(Ok(_)) = from.next().await {} };
                drop(tokio::time::timeout(GRACE, gone).await);
            }
            () = stopping.told() => {}
        }
    }
    shared.hang_up(session);
}

/// Passes on what the client says, until it is gone. While there is no room for more nothing is read, so that the
/// client has to wait.
async fn listen(shared: &Shared, from: &mut SplitStream<Socket>, session: u64) {
    let mut changes = shared.changes();
    while let Some(Ok(message)) = from.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes.to_vec(),
            Message::Text(text) => text.as_bytes().to_vec(),
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if !shared.send(session, bytes) {
            return;
        }
        room(shared, session, &mut changes).await;
    }
}

/// Returns when there is room for another message.
async fn room(shared: &Shared, session: u64, changes: &mut watch::Receiver<u64>) {
    loop {
        // Marked as seen before the cluster is asked, so that no change falls between.
        changes.mark_unchanged();
        if shared.has_room(session) || changes.changed().await.is_err() {
            return;
        }
    }
}

/// Sends what the session has to say after each change, until it has ended or the client is gone.
async fn speak(shared: &Shared, to: &mut SplitSink<Socket, Message>, session: u64) {
    let mut changes = shared.changes();
    loop {
        // Marked as seen before the cluster is read, so that no change falls between.
        changes.mark_unchanged();
        let said = shared.receive(session);
        for message in said.messages {
            if to.send(Message::Binary(message.into())).await.is_err() {
                return;
            }
        }
        if said.ended {
            // The client may be gone first.
            let normal = CloseFrame {
                code: CloseCode::Normal,
                reason: Utf8Bytes::default(),
            };
            drop(to.send(Message::Close(Some(normal))).await);
            return;
        }
        if said.held {
            shared.taken(session);
        } else if changes.changed().await.is_err() {
            return;
        }
    }
}
