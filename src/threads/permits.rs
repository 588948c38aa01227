//! How many threads work at a time, of those that there are.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many may work at a time. A thread takes a permit for what it computes, and lends it to the others while it
/// waits for one of them or for the input.
#[derive(Debug)]
pub(crate) struct Permits {
    count: usize,
    free: Mutex<usize>,
    given_back: Condvar,
}

/// Given back when it is dropped.
#[must_use]
pub(crate) struct Permit<'a>(&'a Permits);

impl Permits {
    pub(crate) const fn new(count: usize) -> Self {
        Self { count, free: Mutex::new(count), given_back: Condvar::new() }
    }

    /// How many there are, free or not.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Waits for a permit.
    pub(crate) fn take(&self) -> Permit<'_> {
        self.take_one();
        Permit(self)
    }

    /// Waits with `wait` for whatever comes from elsewhere, while others work with the caller's permit. The caller
    /// must hold one.
    pub(crate) fn lend<T>(&self, wait: impl FnOnce() -> T) -> T {
        /// Takes the permit again, also when the wait panics: its holder gives it back once more.
        struct Lent<'a>(&'a Permits);
        impl Drop for Lent<'_> {
            fn drop(&mut self) {
                self.0.take_one();
            }
        }
        self.give_one();
        let _lent = Lent(self);
        wait()
    }

    fn take_one(&self) {
        let free = self.given_back.wait_while(self.lock(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
    }

    fn give_one(&self) {
        *self.lock() += 1;
        self.given_back.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        // A number is whole whoever panicked.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.give_one();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn no_more_work_at_a_time_than_there_are_permits() {
        let permits = Permits::new(2);
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _permit = permits.take();
                        most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        working.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), *permits.lock()), (2, 2));
    }

    #[test]
    fn who_waits_lets_others_work() {
        let permits = Permits::new(1);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let held = permits.take();
            scope.spawn(|| {
                let _permit = permits.take();
                sender.send(7).unwrap();
            });
            assert_eq!(permits.lend(|| receiver.recv()), Ok(7));
            drop(held);
        });
        assert_eq!(*permits.lock(), 1);
    }

    #[test]
    fn a_panic_costs_no_permit() {
        let permits = Permits::new(1);
        let work = AssertUnwindSafe(|| {
            let _permit = permits.take();
            permits.lend(|| panic!("while waiting"))
        });
        assert!(catch_unwind(work).is_err());
        assert_eq!(*permits.lock(), 1);
    }
}
