//! Connections for readers.
//!
//! Questions of one statement share a few connections, each on the one that has least to do: they are sent one behind the
//! other without waiting. A search may take several statements on one snapshot and gets a connection for itself. A pool that
//! lends whole connections would do the second only.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedSemaphorePermit, Semaphore};

use super::connect::{Address, Connection};
use super::fault::Fault;
use crate::store::port::StoreError;

/// Connections that nobody uses.
type Idle = Arc<Mutex<Vec<Arc<Connection>>>>;

/// The connections.
#[derive(Debug)]
pub(super) struct Pool {
    address: Address,
    shared: Vec<Place>,
    idle: Idle,
    room: Arc<Semaphore>,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Place {
    connection: Turn<Option<Arc<Connection>>>,
    waiting: AtomicUsize,
}

impl Pool {
    /// So many shared connections and so many for searches; each is opened when it is first needed.
    pub(super) fn new(address: Address, shared: usize, own: usize) -> Self {
        let shared = (0..shared.max(1)).map(|_| Place::default()).collect();
        Self { address, shared, idle: Arc::default(), room: Arc::new(Semaphore::new(own.max(1))), closed: AtomicBool::new(false) }
    }

    /// Asks one question of one statement, once more if the connection turns out to be gone.
    pub(super) async fn ask<T, F>(&self, question: impl Fn(Arc<Connection>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut tries = 0;
        loop {
            self.check()?;
            let place = self.shared.iter().min_by_key(|place| place.waiting.load(Ordering::Relaxed));
            let place = place.ok_or(StoreError::Closed)?;
            let _turn = Counted::new(&place.waiting);
            let answer = match self.connection(place).await {
                Ok(connection) => question(connection).await,
                Err(fault) => Err(fault),
            };
            match answer {
                Err(Fault::Lost(_)) if tries < 2 => tries += 1,
                other => return Ok(other?),
            }
        }
    }

    async fn connection(&self, place: &Place) -> Result<Arc<Connection>, Fault> {
        let mut turn = place.connection.lock().await;
        match &*turn {
            Some(connection) if !connection.is_closed() => Ok(Arc::clone(connection)),
            _ => {
                let connection = Arc::new(self.address.connect().await?);
                *turn = Some(Arc::clone(&connection));
                Ok(connection)
            }
        }
    }

    /// Lends a connection, and once more another one if it turns out to be gone.
    pub(super) async fn with_own<T, F>(&self, question: impl Fn(Arc<Connection>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut tries = 0;
        loop {
            let mut own = self.own().await?;
            let answer = question(Arc::clone(&own.connection)).await;
            own.clean = answer.is_ok();
            match answer {
                // All idle ones are likely as gone as this one.
                Err(Fault::Lost(_)) if tries < 2 => {
                    tries += 1;
                    lock(&self.idle).clear();
                }
                other => return Ok(other?),
            }
        }
    }

    async fn own(&self) -> Result<Own, StoreError> {
        self.check()?;
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let idle = lock(&self.idle).pop().filter(|connection| !connection.is_closed());
        let connection = match idle {
            Some(connection) => connection,
            None => Arc::new(self.address.connect().await?),
        };
        Ok(Own { connection, clean: false, idle: Arc::clone(&self.idle), _room: room })
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Lends nothing any more and lets go of what is idle.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.room.close();
        lock(&self.idle).clear();
        for place in &self.shared {
            place.connection.lock().await.take();
        }
    }
}

fn lock(idle: &Mutex<Vec<Arc<Connection>>>) -> std::sync::MutexGuard<'_, Vec<Arc<Connection>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One more that waits, as long as it lives.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that is lent.
struct Own {
    connection: Arc<Connection>,
    /// Whether no transaction is open on it. Whoever asked may go away at any moment.
    clean: bool,
    idle: Idle,
    _room: OwnedSemaphorePermit,
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.clean && !self.connection.is_closed() {
            lock(&self.idle).push(Arc::clone(&self.connection));
        }
    }
}
