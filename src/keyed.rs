//! Hash tables whose key differs from run to run: who chooses what a capture holds cannot choose where it falls.

use std::collections::HashMap;

/// The key.
pub(crate) use foldhash::fast::RandomState as Key;

/// A hash table with one. Its order is never told.
pub(crate) type KeyedMap<K, V> = HashMap<K, V, Key>;
