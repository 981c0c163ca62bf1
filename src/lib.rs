//! map to be written
pub mod clock;
pub mod config;
pub mod h1;
pub mod http;
pub mod log;
pub mod net;
pub mod pool;
pub mod segment;
pub mod server;
pub mod site;
pub mod sys;
