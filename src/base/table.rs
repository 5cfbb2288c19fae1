//! Maps over what is known when the program starts: names, types, canonical URLs.
//!
//! Their keys are not chosen by strangers, so they need no protection against chosen collisions, and looking up a short name is
//! several times faster than in a map that has it.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// A map whose keys come from the embedded tables.
pub type Table<K, V> = HashMap<K, V, FixedState>;
