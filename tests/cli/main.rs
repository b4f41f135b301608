//! bbf from outside: stdout, stderr and exit code of each command, in a scratch home.

mod catalogue;
mod environment;
mod learner;
mod lifetime;
mod trouble;
