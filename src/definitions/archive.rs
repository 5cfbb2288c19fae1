//! The value sets, code systems and concept maps of the packages: whole, but for their prose.
//!
//! Reads `terminology.bin`: the length of its packed index (four bytes, the lowest first), the index, and blocks of packed lines. A line
//! is a resource as JSON, minified. The index has `length  unpacked` for each block, and below it a line `kind  url  version  package
//! length  supplemented` for each resource; the last is the URL of the code system that a supplement adds to. A block is unpacked when one of its resources is asked for; whoever asks keeps what it reads.

use super::table::{BrokenTable, Writer, lines};
use crate::base::packed::{pack, unpack};
use crate::base::table::Table;

/// The kinds of resources in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A CodeSystem.
    System,
    /// A ValueSet.
    Set,
    /// A ConceptMap.
    Map,
}

impl Kind {
    /// All of them with the names of their resource types.
    pub const ALL: [(Self, &'static str); 3] = [(Self::System, "CodeSystem"), (Self::Set, "ValueSet"), (Self::Map, "ConceptMap")];
}

/// What a block may unpack to; one resource may take more.
const BLOCK: usize = 96 << 10;
/// The longest index and the longest block, in bytes.
const LONGEST: usize = 16 << 20;

/// Where a resource stands.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its canonical URL.
    pub url: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The code system that it adds to, if it is a supplement.
    pub supplements: Option<&'static str>,
    /// The number of its package: what comes later supersedes what comes earlier under the same URL.
    pub package: u8,
    block: (usize, usize, usize),
    at: (usize, usize),
}

/// The archive, ready to be read.
#[derive(Debug)]
pub struct Archive {
    blocks: &'static [u8],
    entries: Vec<Entry>,
    by_url: Table<Kind, Table<&'static str, Vec<usize>>>,
}

impl Archive {
    /// Reads the index.
    ///
    /// # Errors
    /// When the bytes are not what [`write`] writes.
    pub fn load(bytes: &'static [u8]) -> Result<Self, BrokenTable> {
        let broken = |_| BrokenTable::empty("terminology");
        let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| BrokenTable::empty("terminology"))?;
        let length = usize::try_from(u32::from_le_bytes(*head)).unwrap_or(usize::MAX);
        let (index, blocks) = rest.split_at_checked(length).ok_or_else(|| BrokenTable::empty("terminology"))?;
        let index = String::from_utf8(unpack(index, LONGEST).map_err(broken)?).map_err(|_| BrokenTable::empty("terminology"))?;
        let mut own = Self { blocks, entries: Vec::new(), by_url: Table::default() };
        let (mut block, mut at) = ((0, 0, 0), 0);
        for line in lines("terminology", index.leak()) {
            let number = |text: &str| text.parse::<usize>().map_err(|_| line.broken("this is not a number"));
            if line.inner {
                let [kind, url, version, package, length, supplements] = line.cells()?;
                let kind = Kind::ALL.into_iter().find(|(_, name)| *name == kind).ok_or_else(|| line.broken("no such kind"))?.0;
                let length = number(length)?;
                let package = u8::try_from(number(package)?).map_err(|_| line.broken("this is not a package"))?;
                own.by_url.entry(kind).or_default().entry(url).or_default().push(own.entries.len());
                let supplements = Some(supplements).filter(|url| !url.is_empty());
                own.entries.push(Entry { kind, url, version, supplements, package, block, at: (at, at + length) });
                at += length + 1;
            } else {
                let [length, unpacked] = line.cells()?;
                block = (block.1, block.1 + number(length)?, number(unpacked)?.min(LONGEST));
                at = 0;
            }
        }
        Ok(own)
    }

    /// All resources, in the order of kind and URL, under one URL in the order in which they supersede each other.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The places in [`Self::entries`] of all versions under a URL.
    #[must_use]
    pub fn versions(&self, kind: Kind, url: &str) -> &[usize] {
        self.by_url.get(&kind).and_then(|urls| urls.get(url)).map_or(&[], Vec::as_slice)
    }

    /// The JSON text of a resource; nothing if the archive is damaged.
    #[must_use]
    pub fn text(&self, entry: &Entry) -> Option<String> {
        let (start, end, unpacked) = entry.block;
        let mut block = unpack(self.blocks.get(start..end)?, unpacked).ok()?;
        block.truncate(entry.at.1);
        String::from_utf8(block.split_off(entry.at.0.min(block.len()))).ok()
    }
}

/// A resource that goes into an archive: kind, URL and number of the package; and what is told of it.
pub(super) type Row = ((Kind, String, usize), Told);

/// What an archive tells of a resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) version: String,
    /// The URL of the code system that it supplements, or nothing.
    pub(super) supplements: String,
    /// JSON, in one line.
    pub(super) text: String,
}

/// Writes an archive of these, which stand in order.
///
/// # Errors
/// When there is not enough memory.
pub(super) fn write(rows: impl IntoIterator<Item = Row>) -> std::io::Result<Vec<u8>> {
    let (mut index, mut blocks) = (Writer::default(), Vec::new());
    let (mut open, mut block): (Vec<Row>, String) = (Vec::new(), String::new());
    let mut close = |open: &mut Vec<Row>, block: &mut String| -> std::io::Result<()> {
        let packed = pack(block.as_bytes())?;
        index.outer(&[&packed.len().to_string(), &block.len().to_string()]);
        for ((kind, url, package), told) in open.drain(..) {
            let name = Kind::ALL.into_iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name);
            index.inner(&[name, &url, &told.version, &package.to_string(), &told.text.len().to_string(), &told.supplements]);
        }
        blocks.extend(packed);
        block.clear();
        Ok(())
    };
    for row in rows {
        block.push_str(&row.1.text);
        block.push('\n');
        open.push(row);
        if block.len() >= BLOCK {
            close(&mut open, &mut block)?;
        }
    }
    close(&mut open, &mut block)?;
    let index = pack(index.finish().as_bytes())?;
    let length = u32::try_from(index.len()).unwrap_or(u32::MAX).to_le_bytes();
    Ok([&length[..], &index, &blocks].concat())
}

#[cfg(test)]
mod tests {
    use super::{Archive, Kind, Row, Told, write};

    #[test]
    fn what_is_written_is_read() {
        let row = |kind, url: &str, package: usize, text: String| -> Row {
            ((kind, url.to_owned(), package), Told { version: package.to_string(), text, ..Told::default() })
        };
        let long = "x".repeat(super::BLOCK);
        let rows = [
            row(Kind::System, "a", 0, "one".to_owned()),
            row(Kind::System, "a", 2, long.clone()),
            row(Kind::System, "b", 1, "æøå".to_owned()),
            row(Kind::Set, "a", 0, "set".to_owned()),
        ];
        let written: &'static [u8] = write(rows.clone()).unwrap().leak();
        assert_eq!(written, write(rows).unwrap());
        let archive = Archive::load(written).unwrap();
        let texts = |kind, url: &str| -> Vec<(u8, String)> {
            let found = archive.versions(kind, url).iter().map(|i| &archive.entries()[*i]);
            found.map(|entry| (entry.package, archive.text(entry).unwrap())).collect()
        };
        assert_eq!(texts(Kind::System, "a"), [(0, "one".to_owned()), (2, long)]);
        assert_eq!(texts(Kind::System, "b"), [(1, "æøå".to_owned())]);
        assert_eq!(texts(Kind::Set, "a"), [(0, "set".to_owned())]);
        assert_eq!(texts(Kind::Map, "a"), []);
        for end in [0, 3, 10, written.len() - 1] {
            let damaged = Archive::load(&written[..end]);
            assert!(damaged.is_err() || damaged.unwrap().entries().last().is_some_and(|last| archive.text(last).is_some()));
        }
    }
}
