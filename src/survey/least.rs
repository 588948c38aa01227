//! The least of any number of items, whatever the order in which they come.

/// Keeps the `KEPT` least of all items that are added.
#[derive(Clone, Debug)]
pub struct Least<T, const KEPT: usize> {
    /// In order after [`Self::tidy`].
    items: Vec<T>,
    count: u64,
}

impl<T, const KEPT: usize> Default for Least<T, KEPT> {
    fn default() -> Self {
        Self { items: Vec::new(), count: 0 }
    }
}

impl<T: Ord, const KEPT: usize> Least<T, KEPT> {
    /// Adds an item.
    pub fn add(&mut self, item: T) {
        self.count += 1;
        self.items.push(item);
        if self.items.len() >= 2 * KEPT {
            self.tidy();
        }
    }

    /// How many were added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Puts in order what is kept.
    pub fn tidy(&mut self) {
        self.items.sort_unstable();
        self.items.truncate(KEPT);
    }

    /// What is kept, in order. Call [`Self::tidy`] before.
    pub fn items(&self) -> &[T] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_stay_whatever_the_order() {
        let (mut up, mut down) = (Least::<u32, 4>::default(), Least::<u32, 4>::default());
        (0..1000).for_each(|item| up.add(item));
        (0..1000).rev().for_each(|item| down.add(item));
        for least in [&mut up, &mut down] {
            assert!(least.items.len() < 8);
            least.tidy();
            assert_eq!((least.items(), least.count()), (&[0, 1, 2, 3][..], 1000));
        }
    }
}
