//! Accepts connections and speaks HTTP/1.1 on them until the process is told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

/// What the servers answer.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Serves `answer` at `listen`, and returns when the process gets SIGINT (Ctrl-C) or SIGTERM.
pub(crate) async fn serve<F, A>(listen: SocketAddr, answer: F) -> Result<(), Failure>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind(listen).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on http://{} (process {})", listener.local_addr()?, std::process::id());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.set_nodelay(true).is_ok() => stream,
                // The client went away before it was served; the listener is well.
                _ => continue,
            },
            stop = tokio::signal::ctrl_c() => return Ok(stop?),
            _ = terminate.recv() => return Ok(()),
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            // A client that breaks its connection off is no concern of a yardstick.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
