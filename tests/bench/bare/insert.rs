//! The ceiling for writes: a POST is answered once its body is on disk, a GET reads it back.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::Failure;
use crate::serve::Answer;
use crate::writer::{Handle, Queue};

/// The way to the writer, and connections for readers.
#[derive(Debug)]
pub(crate) struct Service {
    // As many as there are worker threads: a read never awaits, so a std mutex around a short push or pop is enough.
    idle: Mutex<Vec<Connection>>,
    // Dropped after the readers, so that the writer is the last to close the store and leaves no log behind.
    queue: Queue,
}

/// Opens the store and starts its writer.
pub(crate) fn open(store: &Path) -> Result<(Service, Handle), Failure> {
    let (queue, handle) = Queue::start(store)?;
    let readers = std::thread::available_parallelism().map_or(2, usize::from);
    let idle = (0..readers).map(|_| reader(store)).collect::<Result<_, _>>()?;
    Ok((Service { idle: Mutex::new(idle), queue }, handle))
}

fn reader(store: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Answers one request.
pub(crate) async fn answer(service: Arc<Service>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let done = match *request.method() {
        Method::POST => create(&service, &path, request.into_body()).await,
        Method::GET => read(&service, &path),
        _ => Ok(status(StatusCode::METHOD_NOT_ALLOWED)),
    };
    done.unwrap_or_else(|failure| {
        let mut answer = Response::new(Full::new(Bytes::from(failure.to_string())));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

async fn create(service: &Service, path: &str, body: Incoming) -> Result<Answer, Failure> {
    let body = body.collect().await?.to_bytes();
    let id = service.queue.insert(body).await?;
    let mut answer = status(StatusCode::CREATED);
    let location = format!("{}/{id}/_history/1", path.trim_end_matches('/'));
    answer.headers_mut().insert(LOCATION, HeaderValue::try_from(location)?);
    Ok(answer)
}

fn read(service: &Service, path: &str) -> Result<Answer, Failure> {
    let path = path.split_once("/_history/").map_or(path, |(resource, _)| resource);
    let Some(id) = path.rsplit('/').next().and_then(|id| id.parse::<i64>().ok()) else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let idle = || service.idle.lock().unwrap_or_else(PoisonError::into_inner);
    let connection = idle().pop().ok_or("every reader is taken")?;
    let body = stored(&connection, id);
    idle().push(connection);
    Ok(body?.map_or_else(
        || status(StatusCode::NOT_FOUND),
        |body| {
            let mut answer = Response::new(Full::new(Bytes::from(body)));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json"));
            answer
        },
    ))
}

fn stored(connection: &Connection, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached("SELECT body FROM resource WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}

fn status(code: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = code;
    answer
}
