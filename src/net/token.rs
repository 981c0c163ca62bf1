//! What an event is about, packed into mio's one number.
//!
//! A connection's token holds its slot and a generation: an event that was on its
//! way when a connection closed never reaches the next one in that slot (R28c).

use mio::Token;

/// Half of the number is the slot, half the generation.
const SLOT_BITS: u32 = usize::BITS / 2;
const SLOT_MASK: usize = (1 << SLOT_BITS) - 1;
/// The highest bit is set on what is no connection.
const GENERATION_MASK: usize = SLOT_MASK >> 1;
const LISTENER: usize = 1 << (usize::BITS - 1);
const WAKER: usize = usize::MAX;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Another thread wants something.
    Waker,
    /// The n-th listener.
    Listener(usize),
    /// A connection, or one that was.
    Connection {
        /// Its place in the slab.
        slot: usize,
        /// Which of the connections that have had this place.
        generation: usize,
    },
}

impl Source {
    /// A connection; only so many bits of the generation count.
    pub fn connection(slot: usize, generation: usize) -> Source {
        Source::Connection { slot: slot & SLOT_MASK, generation: generation & GENERATION_MASK }
    }

    /// Packs.
    pub fn token(self) -> Token {
        Token(match self {
            Source::Waker => WAKER,
            Source::Listener(index) => LISTENER | index,
            Source::Connection { slot, generation } => slot | (generation << SLOT_BITS),
        })
    }

    /// Unpacks.
    pub fn of(token: Token) -> Source {
        match token.0 {
            WAKER => Source::Waker,
            n if n & LISTENER != 0 => Source::Listener(n & !LISTENER),
            n => Source::Connection { slot: n & SLOT_MASK, generation: n >> SLOT_BITS },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R28c.
    #[test]
    fn what_is_packed_is_unpacked() {
        let sources = [
            Source::Waker,
            Source::Listener(0),
            Source::Listener(9),
            Source::connection(0, 0),
            Source::connection(65_535, usize::MAX),
        ];
        for source in sources {
            assert_eq!(Source::of(source.token()), source);
        }
        assert_ne!(Source::connection(1, 1).token(), Source::connection(1, 2).token());
    }
}
