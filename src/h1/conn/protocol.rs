//! The face that a connection turns to the loop: what comes in, and what then follows
//! in each state.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::mem;
use std::net::SocketAddr;
use std::time::Instant;

use super::super::parse::Scanner;
use super::{Conn, Made, PREPARATIONS_MAX, Service, State};
use crate::clock::Now;
use crate::http::target::Target;
use crate::http::{Handler, Peer, SafePath, Status};
use crate::net::pace::Slow;
use crate::net::{Inquiry, Notice, Phase, Protocol, Refused, Work};
use crate::pool::Kind;
use crate::segment::SendQueue;

impl<H: Handler> Protocol for Conn<H> {
    type Shared = Service<H>;
    type Done = Made;

    fn open(service: &mut Service<H>, client: SocketAddr, listener: SocketAddr, now: &Now) -> Self {
        Conn {
            state: State::Idle,
            deadline: now.instant + service.limits.idle_timeout,
            peer: Peer { address: client, loopback: listener.ip().to_canonical().is_loopback() },
            input: Vec::new(),
            scanner: Scanner::default(),
            queue: SendQueue::default(),
            in_flight: VecDeque::new(),
            responses: 0,
            pending: None,
            work: None,
            next_turn: false,
            last: false,
            stream: None,
            cut: false,
            promised: false,
            eof: false,
            stopping: false,
            handler: PhantomData,
        }
    }

    fn receive(&mut self, service: &mut Service<H>, input: &[u8], now: &Now) {
        if self.state == State::Parting {
            // It does not keep its word: its bytes are discarded like anyone's.
            self.linger(&service.limits, now);
        }
        if self.state == State::Listening {
            self.overhear(input.len(), now);
        } else if let State::Lingering { until, bytes_left } = self.state {
            match bytes_left.checked_sub(input.len() as u64) {
                Some(bytes_left) => {
                    let deadline = (now.instant + service.limits.linger_idle_timeout).min(until);
                    self.enter(State::Lingering { until, bytes_left }, deadline);
                }
                None => self.enter(State::Closed, now.instant),
            }
        } else if self.input.is_empty() {
            let done = self.answer_all(service, input, now);
            self.input.extend_from_slice(&input[done..]);
        } else {
            self.input.extend_from_slice(input);
            self.resume(service, now);
        }
    }

    fn receive_eof(&mut self, _: &mut Service<H>, now: &Now) {
        self.eof = true;
        if self.wants_read() {
            self.enter(State::Closed, now.instant);
        }
    }

    fn wants_read(&self) -> bool {
        match self.state {
            State::Idle | State::Head | State::Listening | State::Parting | State::Lingering { .. } => true,
            State::Delayed | State::Answering | State::Sending | State::Closed | State::Aborted => false,
        }
    }

    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }

    fn sent(&mut self, service: &mut Service<H>, bytes: u64, now: &Now) {
        self.queue.advance(bytes);
        self.log_ended(service, false, now);
        if self.state == State::Sending {
            self.deadline = now.instant + service.limits.send_timeout;
            if self.queue.is_empty() {
                self.drained(service, now);
            }
        }
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_punctual(&self) -> bool {
        self.state == State::Delayed
    }

    fn handle_timeout(&mut self, service: &mut Service<H>, now: &Now) {
        match self.state {
            State::Idle | State::Parting | State::Lingering { .. } => self.enter(State::Closed, now.instant),
            State::Head => {
                let input = mem::take(&mut self.input);
                self.refuse(service, &input, Status::RequestTimeout, now);
            }
            State::Delayed => {
                if let Some(mut pending) = self.pending.take() {
                    pending.framing.keep_alive &= !self.stopping;
                    self.ask_again(service, *pending, now);
                }
            }
            State::Answering => {
                // The work goes on and will find nobody; so that its late result can never
                // be taken for that of a later request, there will be none.
                if let Some(mut pending) = self.pending.take() {
                    pending.framing.keep_alive = false;
                    let response = service.handler.error(Status::ServiceUnavailable, &self.peer, now);
                    self.respond(service, response, *pending, now);
                }
            }
            State::Sending => self.enter(State::Aborted, now.instant),
            State::Listening => self.beat(&service.limits, now),
            State::Closed | State::Aborted => {}
        }
    }

    fn phase(&self) -> Phase {
        match self.state {
            // Told to stop, it still looks whether a request is there already (R26).
            State::Idle if self.stopping => Phase::Parting,
            State::Idle
            | State::Head
            | State::Delayed
            | State::Answering
            | State::Sending
            | State::Listening => Phase::Open,
            State::Parting => Phase::Parting,
            State::Lingering { .. } => Phase::Finishing,
            State::Closed => Phase::Closed,
            State::Aborted => Phase::Aborted,
        }
    }

    /// Who only listens can come back, and hears what it has missed.
    fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Listening)
    }

    fn take_work(&mut self) -> Option<Work<Made>> {
        self.work.take()
    }

    fn long_work(&self) -> Option<Kind> {
        self.pending.as_ref()?.long
    }

    fn take_result(&mut self) -> Option<Made> {
        mem::take(&mut self.next_turn).then_some(Made::Preparation)
    }

    fn take_inquiry(&mut self) -> Option<Inquiry<Made>> {
        self.inquire()
    }

    fn work_done(&mut self, service: &mut Service<H>, outcome: Result<Made, Refused>, now: &Now) {
        if let Ok(Made::Event(event)) = outcome {
            return self.hear(event, &service.limits, now);
        }
        // Late work for a request that was given up meanwhile has no one waiting for it.
        let Some(mut pending) = self.pending.take() else { return };
        pending.framing.keep_alive &= !self.stopping;
        let response = match outcome {
            Ok(Made::Preparation) => return self.ask_again(service, *pending, now),
            Err(Refused::Full) if pending.is_prepared_for() => {
                // Perhaps it can be answered without, though that takes longer. If not, it is
                // not asked a third time: that would be turning for nothing.
                pending.preparations = PREPARATIONS_MAX;
                return self.ask_again(service, *pending, now);
            }
            Ok(Made::Response(response)) => response,
            // Heard above: it belongs to no request.
            Ok(Made::Event(_)) => return,
            Err(Refused::Full) => service.handler.error(Status::ServiceUnavailable, &self.peer, now),
            Err(Refused::Panicked) => service.handler.error(Status::InternalServerError, &self.peer, now),
        };
        self.respond(service, response, *pending, now);
    }

    fn shut_down(&mut self, service: &mut Service<H>, now: &Now) {
        self.stopping = true;
        if self.state == State::Listening {
            self.stop_listening(&service.limits, now);
        }
    }

    fn closed(&mut self, service: &mut Service<H>, now: &Now) {
        self.log_ended(service, true, now);
    }

    fn check(&self, service: &Service<H>) {
        self.check_invariants(&service.limits);
    }

    fn notice(service: &mut Service<H>, notice: Notice<'_>, now: &Now) {
        let message = match notice {
            Notice::Exhausted(error) => format!("cannot accept more connections for now: {error}"),
            Notice::SlowTurn(Slow { took, stage, stage_took }) => format!(
                "everyone had to wait for {took:.0?}, most of it for {stage} ({stage_took:.0?}): \
                 a slow disk, or a busy machine"
            ),
            Notice::Stuck(phase) => format!(
                "a connection was closed because it got on no more ({phase:?}): this is a bug in serve"
            ),
        };
        service.handler.notice(&message, now);
    }

    fn end_of_turn(service: &mut Service<H>, now: &Now) {
        service.handler.end_of_turn(now);
    }
}

/// Work is of one kind if it is for one path, however that is spelled, and whatever is wanted
/// of it.
pub(super) fn kind_of(target: &Target<'_>) -> Kind {
    let path = match target {
        Target::Path { path, .. } => SafePath::parse(path).ok(),
        Target::Asterisk => None,
    };
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
