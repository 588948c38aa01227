//! A channel of bounded length between two threads that hold permits: who waits lends its own.

use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender, TryRecvError, TrySendError};

use super::Permits;

/// The end that is filled.
pub(crate) struct Sender<T> {
    channel: SyncSender<T>,
    permits: Arc<Permits>,
}

/// The end that is emptied.
pub(crate) struct Receiver<T> {
    channel: mpsc::Receiver<T>,
    permits: Arc<Permits>,
}

/// A channel that holds `length` things. Both ends belong to threads that hold one of `permits`.
pub(crate) fn channel<T>(length: usize, permits: &Arc<Permits>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::sync_channel(length);
    let permits = || Arc::clone(permits);
    (Sender { channel: sender, permits: permits() }, Receiver { channel: receiver, permits: permits() })
}

impl<T> Sender<T> {
    /// Waits for room; false when nobody takes anything any more.
    #[must_use]
    pub(crate) fn send(&self, thing: T) -> bool {
        match self.channel.try_send(thing) {
            Ok(()) => true,
            Err(TrySendError::Full(thing)) => self.permits.lend(|| self.channel.send(thing)).is_ok(),
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for the next; `None` when nothing comes any more.
    pub(crate) fn receive(&self) -> Option<T> {
        match self.channel.try_recv() {
            Ok(thing) => Some(thing),
            Err(TryRecvError::Empty) => self.permits.lend(|| self.channel.recv()).ok(),
            Err(TryRecvError::Disconnected) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// One permit for both: each must let the other work while it waits.
    #[test]
    fn all_comes_in_order_and_the_end_is_told() {
        let permits = Arc::new(Permits::new(1));
        let (sender, receiver) = channel(2, &permits);
        thread::scope(|scope| {
            scope.spawn(|| {
                let _permit = permits.take();
                let sender = sender;
                assert!((0..100).all(|number| sender.send(number)));
            });
            let _permit = permits.take();
            let all: Vec<i32> = std::iter::from_fn(|| receiver.receive()).collect();
            assert_eq!(all, (0..100).collect::<Vec<_>>());
        });
    }

    #[test]
    fn who_sends_learns_that_nobody_listens() {
        let permits = Arc::new(Permits::new(1));
        let (sender, receiver) = channel(1, &permits);
        let _permit = permits.take();
        assert!(sender.send(1) && receiver.receive() == Some(1));
        drop(receiver);
        assert!(!sender.send(2));
    }
}
