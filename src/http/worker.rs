//! Workers without sockets, for benchmarks: all that happens between the head of a request and the bytes of its answer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Bytes;

use super::control::access::Access;
use super::proxy::Proxy;
#[cfg(feature = "tls")]
use super::tls::{Tls, Wanted};
use super::{ServerState, app};
use crate::world::World;

/// A request before it is sent.
#[derive(Clone, Debug)]
pub enum Asked {
    Get(String),
    Patch(String, Bytes),
}

/// Answers requests on this thread, over and over in their order, until it has answered so many; gives the bytes of the bodies.
///
/// # Panics
///
/// If one is not answered with 200.
pub(crate) fn answer(world: Arc<World>, requests: &[Asked], count: usize, ready: impl FnOnce()) -> usize {
    System::new().block_on(async {
        let server_state = ServerState::new(
            world,
            Access::default(),
            Proxy::default(),
            #[cfg(feature = "tls")]
            Arc::new(Tls::new(&Wanted::default()).expect("nothing is wanted of it")),
            Duration::from_secs(10),
        );
        let service = init_service(app(server_state)).await;
        ready();
        let mut bytes = 0;
        for asked in requests.iter().cycle().take(count) {
            let request = match asked {
                Asked::Get(uri) => TestRequest::get().uri(uri),
                Asked::Patch(uri, body) => TestRequest::with_uri(uri)
                    .method(Method::PATCH)
                    .insert_header(("content-type", "application/json"))
                    .set_payload(body.clone()),
            };
            let request = request.insert_header(("x-yotpo-token", "any")).to_request();
            let response = call_service(&service, request).await;
            assert!(response.status().is_success(), "{asked:?} is refused: {response:?}");
            let body = response.into_body().try_into_bytes();
            bytes += body.map_or(0, |body| body.len());
        }
        bytes
    })
}
