//! A text of bounded length, built block by block.

/// A document that grows only as far as each part of it may.
#[derive(Debug, Default)]
pub(super) struct Doc {
    text: String,
}

impl Doc {
    /// Octets that are left for a line that says what was left out.
    const REST: usize = 200;

    /// Adds what is short however long its contents are.
    pub(super) fn push(&mut self, block: &str) {
        self.text.push_str(block);
    }

    /// Adds a block if the document, with a line after it, is no longer than `end` octets then; false if it is not added.
    #[must_use]
    pub(super) fn push_within(&mut self, block: &str, end: usize) -> bool {
        let fits = self.text.len() + block.len() + Self::REST <= end;
        if fits {
            self.text.push_str(block);
        }
        fits
    }

    /// Adds blocks as long as they fit, at most `most`; how many were added.
    pub(super) fn push_some(
        &mut self,
        blocks: impl IntoIterator<Item = String>,
        most: usize,
        end: usize,
    ) -> usize {
        blocks.into_iter().take(most).take_while(|block| self.push_within(block, end)).count()
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}
