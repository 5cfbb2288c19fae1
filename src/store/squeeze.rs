//! Stored bytes made small, with dictionaries that come from the store's own resources.
//!
//! Resources of one site resemble each other: the same systems, codes and names. A dictionary of what they share makes each
//! of them a fraction of its length. It is trained on the newest resources when a store has its first hundreds, and again as
//! it grows; older dictionaries stay for what was written with them.
//!
//! Squeezed bytes begin with the number of their dictionary: 0 means as they are, 1 means without dictionary.
//! Dictionaries hold pieces of resources and need the same care as these.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound, get_frame_content_size};

/// What is squeezed; each purpose has dictionaries of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// JSON texts of resources.
    Body,
    /// Packed index rows.
    Keys,
}

impl Purpose {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Body, Self::Keys];

    /// The number that stands for it in tables.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Body => 0,
            Self::Keys => 1,
        }
    }

    /// Largest size of a dictionary, in bytes.
    fn dictionary_size(self) -> usize {
        match self {
            Self::Body => 64 << 10,
            Self::Keys => 32 << 10,
        }
    }
}

/// Higher makes smaller and takes longer.
const LEVEL: i32 = 3;
/// When a store has so many resources, dictionaries are trained.
const MILESTONES: [u64; 4] = if cfg!(test) { [6, 24, 90, 200] } else { [200, 1_000, 20_000, 400_000] };
/// On so many of the newest, at most.
const SAMPLES: u64 = if cfg!(test) { 6 } else { 600 };
/// Longer samples are left out, in bytes.
const LONGEST: usize = 16 << 10;
/// The first number of a dictionary.
const FIRST: u8 = 2;
const PLAIN: u8 = 0;
const ALONE: u8 = 1;

/// A dictionary, ready for both directions.
struct Dictionary {
    number: u8,
    squeeze: CDict<'static>,
    expand: DDict<'static>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary({})", self.number)
    }
}

/// Squeezes and expands.
#[derive(Debug)]
pub(crate) struct Squeezer {
    known: RwLock<Known>,
    samples: Mutex<Samples>,
    contexts: Mutex<Contexts>,
}

#[derive(Debug, Default)]
struct Known {
    all: HashMap<u8, Arc<Dictionary>>,
    /// The newest of each purpose.
    current: HashMap<Purpose, Arc<Dictionary>>,
}

/// Contexts that wait for their next use: each is some hundred kilobytes.
#[derive(Default)]
struct Contexts {
    squeeze: Vec<CCtx<'static>>,
    expand: Vec<DCtx<'static>>,
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contexts({}, {})", self.squeeze.len(), self.expand.len())
    }
}

/// Resources gathered for the next training.
#[derive(Debug, Default)]
struct Samples {
    /// How many resources the store has had.
    seen: u64,
    gathered: HashMap<Purpose, Vec<Vec<u8>>>,
}

/// What the next dictionaries are trained on.
#[derive(Debug)]
pub(crate) struct Training(HashMap<Purpose, Vec<Vec<u8>>>);

impl Training {
    /// Trains; takes a second or so. Purposes with too few samples are left out.
    pub(crate) fn run(self) -> Vec<(Purpose, Vec<u8>)> {
        let train = |(purpose, samples): (Purpose, Vec<Vec<u8>>)| {
            // A dictionary that is large beside its samples is a bad one.
            let size = samples.iter().map(Vec::len).sum::<usize>() / 10;
            let trained = zstd::dict::from_samples(&samples, purpose.dictionary_size().min(size)).ok();
            // Too few or too much alike to be trained on: then they are the dictionary themselves.
            let dictionary = trained.unwrap_or_else(|| {
                let mut all = samples.concat();
                all.drain(..all.len().saturating_sub(purpose.dictionary_size()));
                all
            });
            (dictionary.len() > 64).then_some((purpose, dictionary))
        };
        self.0.into_iter().filter_map(train).collect()
    }
}

impl Squeezer {
    /// A squeezer with these dictionaries, in the order of their numbers, of a store that has had `seen` resources.
    pub(crate) fn new(dictionaries: impl IntoIterator<Item = (u8, Purpose, Vec<u8>)>, seen: u64) -> Self {
        let samples = Mutex::new(Samples { seen, gathered: HashMap::new() });
        let own = Self { known: RwLock::default(), samples, contexts: Mutex::default() };
        dictionaries.into_iter().for_each(|(number, purpose, bytes)| own.learn(number, purpose, &bytes));
        own
    }

    /// Takes in a dictionary, which must be durable: what is squeezed from now on needs it.
    pub(crate) fn learn(&self, number: u8, purpose: Purpose, bytes: &[u8]) {
        let dictionary = Arc::new(Dictionary { number, squeeze: CDict::create(bytes, LEVEL), expand: DDict::create(bytes) });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.all.insert(number, Arc::clone(&dictionary));
        known.current.insert(purpose, dictionary);
    }

    /// The number for the next dictionary; `None` if there are too many.
    pub(crate) fn next_number(&self) -> Option<u8> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.all.keys().max().map_or(Some(FIRST), |last| last.checked_add(1))
    }

    /// Whether squeezed bytes need a dictionary that is not known here.
    pub(crate) fn lacks(&self, small: &[u8]) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        small.first().is_some_and(|number| *number >= FIRST && !known.all.contains_key(number))
    }

    /// Makes bytes small.
    pub(crate) fn squeeze(&self, purpose: Purpose, bytes: &[u8]) -> Vec<u8> {
        let dictionary = self.known.read().unwrap_or_else(PoisonError::into_inner).current.get(&purpose).cloned();
        let mut context = self.contexts().squeeze.pop().unwrap_or_default();
        let mut room: Vec<u8> = Vec::with_capacity(compress_bound(bytes.len()));
        let written = match &dictionary {
            Some(dictionary) => context.compress_using_cdict(&mut room, bytes, &dictionary.squeeze),
            None => context.compress(&mut room, bytes, LEVEL),
        };
        self.contexts().squeeze.push(context);
        // The room was for the worst case: what is kept takes no more than it needs.
        match written {
            Ok(_) if room.len() < bytes.len() => [&[dictionary.map_or(ALONE, |dictionary| dictionary.number)], room.as_slice()].concat(),
            _ => [&[PLAIN], bytes].concat(),
        }
    }

    /// Undoes [`Self::squeeze`].
    ///
    /// # Errors
    /// What is wrong, when the bytes are damaged or their dictionary is lost.
    pub(crate) fn expand(&self, small: &[u8]) -> Result<Vec<u8>, String> {
        let (number, rest) = small.split_first().ok_or("nothing is there")?;
        if *number == PLAIN {
            return Ok(rest.to_vec());
        }
        let dictionary = match *number {
            ALONE => None,
            number => {
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                Some(known.all.get(&number).cloned().ok_or_else(|| format!("the dictionary {number} is lost"))?)
            }
        };
        let length = get_frame_content_size(rest).ok().flatten().and_then(|length| usize::try_from(length).ok());
        // A text takes at most the room of the largest request, whatever damaged bytes say.
        let length = length.filter(|length| *length <= 1 << 30).ok_or("the length is lost")?;
        let mut bytes = Vec::with_capacity(length);
        let mut context = self.contexts().expand.pop().unwrap_or_default();
        let read = match &dictionary {
            Some(dictionary) => context.decompress_using_ddict(&mut bytes, rest, &dictionary.expand),
            None => context.decompress(&mut bytes, rest),
        };
        self.contexts().expand.push(context);
        match read {
            Ok(_) if bytes.len() == length => Ok(bytes),
            Ok(_) => Err("bytes are missing".to_owned()),
            Err(code) => Err(zstd::zstd_safe::get_error_name(code).to_owned()),
        }
    }

    /// Hears of a resource that is written; now and then it is time to train.
    pub(crate) fn offer(&self, body: &[u8], keys: &[u8]) -> Option<Training> {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.seen += 1;
        let milestone = MILESTONES.into_iter().find(|milestone| *milestone >= samples.seen)?;
        if milestone - samples.seen < SAMPLES {
            for (purpose, bytes) in Purpose::ALL.into_iter().zip([body, keys]) {
                if bytes.len() <= LONGEST {
                    samples.gathered.entry(purpose).or_default().push(bytes.to_vec());
                }
            }
        }
        (milestone == samples.seen).then(|| Training(std::mem::take(&mut samples.gathered)))
    }

    fn contexts(&self) -> MutexGuard<'_, Contexts> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trained() -> Squeezer {
        let squeezer = Squeezer::new([], 0);
        let text =
            |i: usize| format!("{{\"system\":\"http://loinc.org\",\"code\":\"{i}-7\",\"display\":\"Leukocytes in blood\"}}").into_bytes();
        let mut training = None;
        for i in 0.. {
            training = squeezer.offer(&text(i), &text(i));
            if training.is_some() {
                break;
            }
        }
        for (purpose, dictionary) in training.unwrap().run() {
            let number = squeezer.next_number().unwrap();
            squeezer.learn(number, purpose, &dictionary);
        }
        squeezer
    }

    #[test]
    fn a_dictionary_makes_alike_texts_small() {
        let text = br#"{"system":"http://loinc.org","code":"4711-7","display":"Leukocytes in blood"}"#;
        let (alone, trained) = (Squeezer::new([], 0), trained());
        for purpose in Purpose::ALL {
            let small = trained.squeeze(purpose, text);
            assert!(small.len() * 2 < text.len() && small.len() < alone.squeeze(purpose, text).len(), "{}", small.len());
            assert_eq!(trained.expand(&small).unwrap(), text);
            assert!(alone.expand(&small).unwrap_err().contains("dictionary"));
            assert!(alone.lacks(&small) && !trained.lacks(&small) && !alone.lacks(&alone.squeeze(purpose, text)));
        }
    }

    proptest! {
        #[test]
        fn expanding_undoes_squeezing(bytes in prop::collection::vec(any::<u8>(), 0..3000), text in "[a-e]{0,2000}") {
            for squeezer in [Squeezer::new([], 0), trained()] {
                for bytes in [&bytes[..], text.as_bytes()] {
                    prop_assert_eq!(squeezer.expand(&squeezer.squeeze(Purpose::Body, bytes)).unwrap(), bytes);
                }
            }
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[a-e]{50,200}", at in 0_usize..50) {
            let squeezer = trained();
            let _ = squeezer.expand(&bytes);
            let small = squeezer.squeeze(Purpose::Body, text.as_bytes());
            let _ = squeezer.expand(small.get(..at).unwrap_or(&small));
        }
    }
}
