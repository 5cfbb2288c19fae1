//! Walking what stands in some series in the order of the values: as many lines are read as that takes.

use std::collections::VecDeque;

use tokio_postgres::Row;

use super::connect::{Connection, Later, together};
use super::entries::line;
use super::fault::Fault;
use super::parts::all;
use super::spans::{Form, Stretch, end, fresh, place};

/// Lines read at first, and at most.
const FEWEST: i64 = if cfg!(test) { 1 } else { 16 };
const LARGEST: i64 = if cfg!(test) { 4 } else { 256 };

const UP: &str = "SELECT s, k, name, n, rows FROM place WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, name) > ($4, $5)
    ORDER BY k, name LIMIT $6";
const DOWN: &str = "SELECT s, k, name, n, rows FROM place WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, name) < ($4, $5)
    ORDER BY k DESC, name DESC LIMIT $6";

/// What stands in some stretches, in order of value, and of one value the newest first.
pub(super) struct Trail {
    arms: Vec<Arm>,
    descending: bool,
    /// Whether the fresh lines were read.
    begun: bool,
    step: i64,
    /// Values and row ids in order.
    ready: VecDeque<(i64, i64)>,
    /// What was read, but may not be the next.
    open: Vec<(i64, i64)>,
}

/// One stretch.
struct Arm {
    stretch: Stretch,
    /// The line where reading goes on; `None` at the end.
    from: Option<(i64, i64)>,
}

impl Arm {
    fn form(&self) -> Form {
        if self.stretch.exact { Form::Exact } else { Form::Interval }
    }

    async fn read(&self, connection: &Connection, descending: bool, step: i64) -> Result<Vec<Row>, Fault> {
        let Some((k, name)) = self.from else { return Ok(Vec::new()) };
        let Stretch { s, from, to, .. } = self.stretch;
        let low = place(self.form(), from);
        connection.query(if descending { DOWN } else { UP }, &[&s, &low, &to, &k, &name, &step]).await
    }

    /// Values up to it, or from it on, may not be read yet.
    fn horizon(&self, descending: bool) -> Option<i64> {
        let (k, _) = self.from?;
        Some(if descending { end(self.form(), k) } else { k })
    }
}

/// Row ids, and the last of them with its value.
type Chunk = (Vec<i64>, (i64, i64));

impl Trail {
    pub(super) fn new(stretches: Vec<Stretch>, descending: bool) -> Self {
        let from = if descending { (i64::MAX, i64::MAX) } else { (i64::MIN, i64::MIN) };
        let arms = stretches.into_iter().map(|stretch| Arm { stretch, from: Some(from) }).collect();
        Self { arms, descending, begun: false, step: FEWEST, ready: VecDeque::new(), open: Vec::new() }
    }

    /// The next row ids, at most so many.
    pub(super) async fn next(&mut self, connection: &Connection, size: usize) -> Result<Option<Chunk>, Fault> {
        while self.ready.is_empty() && self.arms.iter().any(|arm| arm.from.is_some()) {
            self.read(connection).await?;
        }
        let chunk: Vec<(i64, i64)> = self.ready.drain(..size.min(self.ready.len())).collect();
        Ok(chunk.last().copied().map(|last| (chunk.into_iter().map(|(_, row)| row).collect(), last)))
    }

    pub(super) async fn read(&mut self, connection: &Connection) -> Result<(), Fault> {
        let (descending, step) = (self.descending, self.step);
        let questions = self.arms.iter().map(|arm| -> Later<'_, Vec<Row>> { Box::pin(arm.read(connection, descending, step)) });
        let unread = self.arms.iter().filter(|_| !self.begun).map(|arm| (fresh(arm.stretch.s), 0, 0));
        let (answers, fresh) = tokio::join!(together(questions.collect()), all(connection, unread.collect()));
        let (answers, fresh) = (answers?, fresh?);
        for (arm, lines) in self.arms.iter().zip(&fresh).chain(self.arms.iter().zip(&answers)) {
            for own in lines {
                let within = line(own, 0)?.into_iter().filter(|(spot, _)| arm.stretch.has(spot.at, spot.unit));
                self.open.extend(within.map(|(spot, row)| (spot.at, row)));
            }
        }
        for (arm, lines) in self.arms.iter_mut().zip(&answers) {
            let last = lines.last().filter(|_| i64::try_from(lines.len()).unwrap_or(0) >= step);
            arm.from = last.map(|last| Ok::<_, Fault>((last.try_get(1)?, last.try_get(2)?))).transpose()?;
        }
        self.begun = true;
        self.step = (self.step * 4).min(LARGEST);
        let horizons = self.arms.iter().filter_map(|arm| arm.horizon(descending));
        let horizon = if descending { horizons.max() } else { horizons.min() };
        let is_sure = |(at, _): &(i64, i64)| horizon.is_none_or(|horizon| if descending { *at > horizon } else { *at < horizon });
        let (mut sure, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open).into_iter().partition(is_sure);
        self.open = open;
        sure.sort_unstable_by(|a, b| if descending { b.cmp(a) } else { (a.0, b.1).cmp(&(b.0, a.1)) });
        sure.dedup();
        self.ready.extend(sure);
        Ok(())
    }
}
