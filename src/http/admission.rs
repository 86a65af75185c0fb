//! Admission: who is calling, and how often? Whom nothing speaks against meets the handler.

use std::borrow::Cow;

use actix_web::http::header::{EXPECT, HeaderName};

use super::answer::Answer;
use super::body::Body;
use super::head::Head;
use super::request_context::RequestContext;
use super::{access_tokens, customer_events, customers};
use crate::domain::operation::Operation;

const TOKEN: HeaderName = HeaderName::from_static("x-yotpo-token");

/// Asks who is calling and how often, and lets in whom nothing speaks against.
///
/// The two operations that give out tokens ask the same themselves, once they have read who is calling.
pub(super) async fn admit(operation: Operation, head: &Head<'_>, body: Body<'_>, context: &RequestContext) -> Answer {
    if operation.needs_token() {
        let let_in = || {
            let note = context.store_scope().check_token(token_of(head).as_deref())?;
            note.into_iter().for_each(|note| context.note(note));
            context.count()
        };
        if let Err(rejection) = let_in() {
            // Whoever asked first whether to send it is spared that.
            if head.header(&EXPECT).is_none() {
                body.show_to_the_journal().await;
            }
            return Answer::refusal(&rejection);
        }
    }
    let answered = match operation {
        Operation::CreateAccessToken => access_tokens::create(context, body).await,
        Operation::CreateOauthToken => access_tokens::create_oauth(context, body).await,
        Operation::RetrieveCustomers => customers::retrieve(context, head),
        Operation::UpsertCustomer => customers::upsert(context, body).await,
        Operation::UpsertCustomerEvent => customer_events::upsert(context, head, body).await,
    };
    answered.into()
}

/// The token as the header has it, else as the query has it; an empty header counts as absent.
pub(super) fn token_of<'a>(head: &Head<'a>) -> Option<Cow<'a, str>> {
    let header = head.header(&TOKEN).filter(|value| !value.is_empty());
    header.map(String::from_utf8_lossy).or_else(|| {
        let parameters = form_urlencoded::parse(head.query.as_bytes());
        let tokens = parameters.filter(|(name, _)| name == "access_token");
        tokens.last().map(|(_, token)| token)
    })
}
