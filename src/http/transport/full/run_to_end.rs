//! A future that survives its owner.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::rt;

/// A request that is handled to its end even if actix drops it because the client has gone, as on the fast transport.
pub struct RunToEnd<F: Future + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + 'static> RunToEnd<F> {
    pub fn new(future: F) -> RunToEnd<F> {
        RunToEnd(Some(Box::pin(future)))
    }
}

impl<F: Future + 'static> Future for RunToEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is not polled after its end");
        let output = ready!(future.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future + 'static> Drop for RunToEnd<F> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            rt::spawn(async { drop(future.await) });
        }
    }
}
