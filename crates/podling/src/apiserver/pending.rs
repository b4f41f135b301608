//! What other rooms will provide, in its simplest form until they do.

use crate::request::{Request, Response};

pub(super) fn document(_: &Request) -> Option<Response> {
    None
}
