//! One stage: a scenario with a number of connections, for a time.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::Failure;
use crate::arguments::Arguments;
use crate::connection::Connection;
use crate::plan::{Plan, Script};
use crate::process::Process;
use crate::report::Row;
use crate::scenario::Scenario;
use crate::seed::told;
use crate::tally::Tally;

/// Broken connections in a row after which a connection gives up.
const PATIENCE: u32 = 3;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    /// The kind of load.
    pub(crate) scenario: Scenario,
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// Number of this stage in the run, from 1.
    pub(crate) run: u32,
}

/// The measured time: answers that end in it count.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    end: Instant,
}

/// Runs one stage.
pub(crate) async fn measure(plan: &Arc<Plan>, stage: &Stage, arguments: &Arguments, server: Option<&Process>) -> Result<Row, Failure> {
    let mut connections = Vec::with_capacity(stage.connections);
    for _ in 0..stage.connections {
        connections.push(Connection::open(&plan.target).await?);
    }
    let start = Instant::now() + arguments.warmup;
    let window = Window { start, end: start + arguments.seconds };
    let deadline = window.end + arguments.timeout;
    let mut tasks = JoinSet::new();
    for (place, connection) in connections.into_iter().enumerate() {
        let script = Script::new(plan, stage.scenario, stage.run, (place, stage.connections));
        let mut part = Part { plan: Arc::clone(plan), scenario: stage.scenario, script, window, broken: 0 };
        tasks.spawn(async move {
            let mut tally = Tally::new();
            if timeout_at(deadline, part.run(connection, &mut tally)).await.is_err() {
                tally.wrong(|| "no answer in time".to_owned());
            }
            tally
        });
    }

    let driver = Process::this();
    sleep_until(window.start).await;
    let before = (server.map(Process::cpu).transpose()?, driver.cpu()?);
    sleep_until(window.end).await;
    let after = (server.map(Process::sample).transpose()?, driver.cpu()?);

    let mut tally = Tally::new();
    while let Some(done) = tasks.join_next().await {
        tally.add(done?);
    }
    let driver = after.1.saturating_sub(before.1);
    let server = after.0.zip(before.0).map(|(after, before)| (after, after.cpu.saturating_sub(before)));
    Ok(Row::new((stage, plan.stock.total), &tally, arguments.seconds, driver, server))
}

/// One connection's part of a stage.
#[derive(Debug)]
struct Part {
    plan: Arc<Plan>,
    scenario: Scenario,
    script: Script,
    window: Window,
    /// Breaks since the last answer.
    broken: u32,
}

impl Part {
    /// Sends requests until the window ends, on a new connection whenever one breaks.
    async fn run(&mut self, first: Connection, tally: &mut Tally) {
        let mut connection = Ok(first);
        loop {
            let failure = match connection {
                Ok(open) => match self.repeat(open, tally).await {
                    Ok(()) => return,
                    Err(failure) => failure,
                },
                Err(failure) => Failure::from(failure),
            };
            tally.wrong(|| failure.to_string());
            self.broken += 1;
            if self.broken == PATIENCE || Instant::now() >= self.window.end {
                return;
            }
            connection = Connection::open(&self.plan.target).await;
        }
    }

    /// Sends requests on one connection until the window ends or the connection breaks.
    async fn repeat(&mut self, mut connection: Connection, tally: &mut Tally) -> Result<(), Failure> {
        loop {
            let request = self.script.advance();
            let began = Instant::now();
            let answer = connection.call(request).await?;
            let ended = Instant::now();
            self.broken = 0;
            if !self.scenario.accepts(answer.status) {
                tally.wrong(|| told(&answer));
            } else if self.window.start <= ended && ended < self.window.end {
                tally.right(ended - began, answer.body.len());
            }
            if ended >= self.window.end {
                return Ok(());
            }
        }
    }
}
