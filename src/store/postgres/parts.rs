//! Reading lines of the table `place`: what stands in some places, a piece at a time, of all of them in one question.

use tokio_postgres::Row;

use super::connect::{Connection, Later, together};
use super::fault::Fault;

const LINES: &str = "SELECT s, k, name, n, rows FROM place WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, name) > ($2, $4)
    ORDER BY k, name LIMIT $5";
/// The same of several parts, told by their numbers.
const LINES_OF_PARTS: &str = "SELECT l.s, l.k, l.name, l.n, l.rows, w.part
    FROM unnest($1::int4[], $2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) AS w(part, s, low, high, name, most)
    CROSS JOIN LATERAL (SELECT s, k, name, n, rows FROM place WHERE s = w.s AND k >= w.low AND k <= w.high
        AND (k, name) > (w.low, w.name) ORDER BY k, name LIMIT w.most) AS l";
/// Lines that are read first of each part.
const FEW_LINES: i64 = if cfg!(test) { 2 } else { 64 };

/// Places of a series, from which lines are read in their order.
#[derive(Debug)]
pub(super) struct Part {
    s: i32,
    /// The line after which reading goes on; `None` at the end.
    after: Option<(i64, i64)>,
    to: i64,
    limit: i64,
}

impl Part {
    /// From one place to another.
    pub(super) fn new((s, from, to): (i32, i64, i64)) -> Self {
        Self { s, after: Some((from, i64::MIN)), to, limit: FEW_LINES }
    }

    /// Whether there may be more.
    pub(super) fn is_open(&self) -> bool {
        self.after.is_some()
    }

    async fn read(&self, connection: &Connection) -> Result<Vec<Row>, Fault> {
        let Some((place, name)) = self.after else { return Ok(Vec::new()) };
        connection.query(LINES, &[&self.s, &place, &self.to, &name, &self.limit]).await
    }

    /// Where to go on after some lines.
    fn next(&mut self, lines: &[Row]) -> Result<(), Fault> {
        let last = lines.last().filter(|_| i64::try_from(lines.len()).unwrap_or(0) >= self.limit);
        self.after = last.map(|last| Ok::<_, Fault>((last.try_get(1)?, last.try_get(2)?))).transpose()?;
        self.limit *= 8;
        Ok(())
    }
}

/// The next lines of each part.
pub(super) async fn read_parts(connection: &Connection, parts: &mut [Part]) -> Result<Vec<Vec<Row>>, Fault> {
    let answers = if connection.is_clustered() {
        // A cluster does not run questions about several parts that have a limit each.
        let questions = parts.iter().map(|part| -> Later<'_, Vec<Row>> { Box::pin(part.read(connection)) });
        together(questions.collect()).await?
    } else {
        at_once(connection, parts).await?
    };
    for (part, lines) in parts.iter_mut().zip(&answers) {
        part.next(lines)?;
    }
    Ok(answers)
}

async fn at_once(connection: &Connection, parts: &[Part]) -> Result<Vec<Vec<Row>>, Fault> {
    let (mut numbers, mut series, mut limits): (Vec<i32>, Vec<i32>, Vec<i64>) = Default::default();
    let (mut low, mut high, mut names): (Vec<i64>, Vec<i64>, Vec<i64>) = Default::default();
    for (number, part) in (0..).zip(parts) {
        let Some((place, name)) = part.after else { continue };
        numbers.push(number);
        series.push(part.s);
        low.push(place);
        high.push(part.to);
        names.push(name);
        limits.push(part.limit);
    }
    let mut answers: Vec<Vec<Row>> = parts.iter().map(|_| Vec::new()).collect();
    for row in connection.query(LINES_OF_PARTS, &[&numbers, &series, &low, &high, &names, &limits]).await? {
        let part = usize::try_from(row.try_get::<_, i32>(5)?).unwrap_or(usize::MAX);
        if let Some(answer) = answers.get_mut(part) {
            answer.push(row);
        }
    }
    Ok(answers)
}

/// All lines of some places each.
pub(super) async fn all(connection: &Connection, places: Vec<(i32, i64, i64)>) -> Result<Vec<Vec<Row>>, Fault> {
    let mut parts: Vec<Part> = places.into_iter().map(Part::new).collect();
    let mut lines: Vec<Vec<Row>> = parts.iter().map(|_| Vec::new()).collect();
    while parts.iter().any(Part::is_open) {
        for (all, more) in lines.iter_mut().zip(read_parts(connection, &mut parts).await?) {
            all.extend(more);
        }
    }
    Ok(lines)
}
