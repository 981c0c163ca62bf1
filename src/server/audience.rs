//! Who watches, and who counts: what is drawn of transfers, what is summed up at the end, and
//! when it is enough.
//!
//! Only there if somebody wants to know: a server that nobody watches keeps no account.

use std::sync::{Arc, Mutex, PoisonError};

use super::display::Board;
use super::ending::Ending;
use super::tally::Tally;
use crate::http::{Body, Delivery, Exchange, Meter, Response};

/// What all loops tell of their exchanges to.
pub struct Audience {
    tally: Mutex<Tally>,
    board: Option<Arc<Board>>,
    /// So many whole files are enough.
    enough: Option<u64>,
    ending: Arc<Ending>,
}

impl Audience {
    /// One that draws on `board`, and ends the server when it is enough.
    pub fn new(board: Option<Arc<Board>>, enough: Option<u64>, ending: Arc<Ending>) -> Audience {
        Audience { tally: Mutex::default(), board, enough, ending }
    }

    /// A response begins to be sent, body and all.
    pub fn begin(&self, exchange: &mut Exchange, response: &Response) {
        exchange.delivery = Delivery::of(exchange, response).map(Box::new);
        if let (Some(board), false) = (&self.board, matches!(response.body, Body::Events(_))) {
            let len = response.body.len();
            exchange.meter = board.post(len, || Meter::new(exchange, len));
        }
    }

    /// An exchange has ended.
    pub fn hear(&self, exchange: &Exchange) {
        let files = self.tally.lock().unwrap_or_else(PoisonError::into_inner).hear(exchange);
        if self.enough.is_some_and(|enough| files >= enough) {
            self.ending.begin();
        }
    }

    /// What came of it all, in one line.
    pub fn summary(&self) -> String {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).to_string()
    }
}
