//! One kept-alive connection: a request out, the whole answer in.

use std::io;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;
use crate::target::Target;
use crate::wire::{Chunks, Framing, Head};

/// Room for the next read: most answers come in one piece.
const ROOM: usize = 32 << 10;

/// A connection to the server. After an error it must not be used again, but opened anew.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Arc<Target>,
    stream: TcpStream,
    input: BytesMut,
    /// The body of a chunked answer, or of one that ends with the connection.
    gathered: Vec<u8>,
    /// The server said that the last answer was the last on this connection.
    closed: bool,
}

/// An answer, read completely.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// Status code.
    pub(crate) status: u16,
    /// Status line and header fields.
    pub(crate) head: &'a [u8],
    /// The body, without chunk marks.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects to the server.
    pub(crate) async fn open(target: &Arc<Target>) -> io::Result<Self> {
        Ok(Self {
            stream: connect(target).await?,
            target: Arc::clone(target),
            input: BytesMut::with_capacity(ROOM),
            gathered: Vec::new(),
            closed: false,
        })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        if self.closed {
            self.stream = connect(&self.target).await?;
            self.closed = false;
        }
        self.input.clear();
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        self.closed = head.close;
        let start = head.length;
        let body = match head.framing {
            Framing::Length(size) => {
                while self.input.len() < start + size {
                    self.fill(start + size - self.input.len()).await?;
                }
                if self.input.len() > start + size {
                    return Err("bytes after the end of the answer".into());
                }
                self.input.get(start..).unwrap_or_default()
            }
            Framing::Chunked => {
                self.chunks(start).await?;
                &self.gathered
            }
            Framing::UntilClose => {
                while self.read(ROOM).await? > 0 {}
                self.input.get(start..).unwrap_or_default()
            }
        };
        Ok(Answer { status: head.status, head: self.input.get(..start).unwrap_or_default(), body })
    }

    /// Reads until a head is there. Interim answers (1xx) are skipped.
    async fn head(&mut self) -> Result<Head, Failure> {
        loop {
            match Head::read(&self.input)? {
                Some(head) if head.status < 200 => self.input.advance(head.length),
                Some(head) => return Ok(head),
                None => self.fill(ROOM).await?,
            }
        }
    }

    /// Reads a chunked body that starts at `start`, and leaves only the head in the input.
    async fn chunks(&mut self, start: usize) -> Result<(), Failure> {
        self.gathered.clear();
        let mut chunks = Chunks::new();
        let mut used = start;
        loop {
            used += chunks.take(self.input.get(used..).unwrap_or_default(), &mut self.gathered)?;
            if chunks.complete() {
                break;
            }
            if used == self.input.len() {
                self.input.truncate(start);
                used = start;
            }
            self.fill(ROOM).await?;
        }
        if used == self.input.len() { Ok(()) } else { Err("bytes after the end of the answer".into()) }
    }

    /// Reads at least one byte.
    async fn fill(&mut self, room: usize) -> Result<(), Failure> {
        match self.read(room).await? {
            0 => Err("the server closed the connection before the end of an answer".into()),
            _ => Ok(()),
        }
    }

    async fn read(&mut self, room: usize) -> io::Result<usize> {
        // Capacity left over is room enough, unless it is about to run out.
        if self.input.capacity() - self.input.len() < room.min(ROOM) {
            self.input.reserve(room.max(ROOM));
        }
        self.stream.read_buf(&mut self.input).await
    }
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
