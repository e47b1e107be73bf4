//! An HTTP/1.1 server on loopback that ends when its handle is dropped.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::{Handle, Runtime};

use crate::connections::Connections;

/// A running server with threads of its own.
pub(crate) struct Server {
    address: SocketAddr,
    tasks: Handle,
    connections: Arc<Connections>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Listens on 127.0.0.1 at `port` (0: any free one) and answers every request with `handler`.
    ///
    /// Bodies of more than `body_limit` bytes are read and thrown away: the sender gets an answer
    /// instead of a broken connection.
    pub(crate) fn start<H, F>(port: u16, body_limit: usize, handler: H) -> io::Result<Self>
    where
        H: Fn(Received) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response<Full<Bytes>>, Dropped>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name(format!("local:{}", address.port()))
            .enable_all()
            .build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let connections = Arc::new(Connections::default());
        runtime.spawn(accept(
            listener,
            body_limit,
            Arc::new(handler),
            Arc::clone(&connections),
        ));
        Ok(Self {
            address,
            tasks: runtime.handle().clone(),
            connections,
            runtime: Some(runtime),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection that no request is running on, and waits until they are closed.
    pub(crate) fn close_connections(&self) {
        self.connections.close(SHUTDOWN_LIMIT);
    }

    /// Where tasks can be started that end with the server.
    pub(crate) fn tasks(&self) -> Handle {
        self.tasks.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        if Handle::try_current().is_ok() {
            // On a thread of a server, which must not wait.
            runtime.shutdown_background();
        } else {
            // Waits, so that the port is free and no connection is left when the handle is gone.
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        }
    }
}

/// A request whose body has been read.
pub(crate) struct Received {
    pub(crate) head: Parts,
    pub(crate) body: Result<Bytes, TooLarge>,
    pub(crate) connection: Arc<Connection>,
}

/// The body was longer than the server's limit.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// A handler's wish to cut the connection instead of answering.
#[derive(Debug)]
pub(crate) struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is to be cut")
    }
}

impl std::error::Error for Dropped {}

/// The client's end of a connection.
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    socket: TcpStream,
}

impl Connection {
    /// Whether the client still holds the connection, by the kernel's word: the event loop may not have
    /// noticed yet that a process has died.
    pub(crate) fn is_open(&self) -> bool {
        match self.socket.peek(&mut [0]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

async fn accept<H, F>(
    listener: tokio::net::TcpListener,
    body_limit: usize,
    handler: Arc<H>,
    connections: Arc<Connections>,
) where
    H: Fn(Received) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, Dropped>> + Send + 'static,
{
    loop {
        // An error concerns the one connection that could not be accepted.
        let Ok((stream, peer)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let Ok((stream, socket)) = share(stream) else {
            continue;
        };
        let connection = Arc::new(Connection { peer, socket });
        let handler = Arc::clone(&handler);
        let open = Connections::open(&connections);
        tokio::spawn(async move {
            // First, so that it is the last to go: the socket is closed by then.
            let mut open = open;
            let service = service_fn(move |request: Request<Incoming>| {
                let connection = Arc::clone(&connection);
                let handler = Arc::clone(&handler);
                async move {
                    let (head, body) = request.into_parts();
                    let body = read(body, body_limit).await.ok_or(Dropped)?;
                    handler(Received {
                        head,
                        body,
                        connection,
                    })
                    .await
                }
            });
            let mut serving =
                pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            // An error is a client that went away or a connection that a handler cut.
            let _ = poll_fn(|context| {
                if open.is_to_close(context) {
                    serving.as_mut().graceful_shutdown();
                }
                serving.as_mut().poll(context)
            })
            .await;
        });
    }
}

/// A second handle on the socket, to ask the kernel about it.
fn share(stream: tokio::net::TcpStream) -> io::Result<(tokio::net::TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let socket = stream.try_clone()?;
    Ok((tokio::net::TcpStream::from_std(stream)?, socket))
}

/// `None` if the client went away within the body.
async fn read(mut body: Incoming, limit: usize) -> Option<Result<Bytes, TooLarge>> {
    let mut bytes = Vec::new();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        total += data.len();
        if total > DISCARD_LIMIT {
            return None;
        }
        if total <= limit {
            bytes.extend_from_slice(&data);
        }
    }
    Some(if total > limit {
        Err(TooLarge)
    } else {
        Ok(bytes.into())
    })
}

/// A response with this status and body.
pub(crate) fn response(
    status: u16,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Full::new(body.into()))
        .unwrap_or_else(|_| {
            let mut response = Response::new(Full::default());
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}

const WORKERS: usize = 2;
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// Beyond this many bytes of a body that is too large anyway, the connection is cut.
const DISCARD_LIMIT: usize = 256 << 20;
