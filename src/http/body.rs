//! The body of a request: how it arrives, and the ways in which it may fail to.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::mime::{self, Mime};
use actix_web::web::{Bytes, BytesMut, Data};
use futures_util::{StreamExt, stream};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::head::Head;
use super::request_context::RequestContext;
use crate::domain::json::{self, Json, Malformed};
use crate::domain::rejection::Rejection;

/// How much room is made for a body before it arrives, whatever it declares.
const TRUSTED_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive; real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadTimeout(pub Duration);

/// How long the body of a request may take.
pub(super) fn timeout_of(request: &HttpRequest) -> Duration {
    let timeout = request.app_data::<Data<ReadTimeout>>();
    timeout.expect("every app is given its timeout").0
}

/// A body that has not been read yet. It is read after admission, so that nobody is asked to send what is refused anyway.
pub(super) struct Body<'a> {
    head: &'a Head<'a>,
    context: &'a RequestContext,
    source: Source<'a>,
}

/// Where a body comes from.
enum Source<'a> {
    /// It came together with its head.
    Here(Bytes),
    /// From a connection, in real time.
    Arriving {
        payload: &'a mut Payload,
        timeout: Duration,
    },
}

/// A body that was declared as JSON and has arrived.
pub(super) struct JsonText(Bytes);

impl JsonText {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// It is nested too deep, or not JSON in UTF-8.
    pub fn parse(&self) -> Result<Json<'_>, Rejection> {
        json::parse(&self.0).map_err(|malformed| match malformed {
            Malformed::NotJson(_) if self.0.is_empty() => Rejection::EmptyBody,
            Malformed::TooDeep => Rejection::NestedTooDeep,
            Malformed::NotJson(error) => Rejection::MalformedJson {
                reason: error.to_string(),
            },
        })
    }
}

/// How a body is declared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    /// As JSON; a missing Content-Type is read as that too.
    Json,
    Form,
    Other,
}

impl Media {
    fn of(head: &Head<'_>) -> Media {
        let declared = match head.header(&CONTENT_TYPE) {
            None => return Media::Json,
            // What nearly everybody says need not be taken apart.
            Some(b"application/json") => return Media::Json,
            Some(declared) => str::from_utf8(declared).ok(),
        };
        match declared.and_then(|declared| declared.parse::<Mime>().ok()) {
            Some(media) if media.type_() == mime::APPLICATION => match media.subtype() {
                mime::JSON => Media::Json,
                mime::WWW_FORM_URLENCODED => Media::Form,
                _ if media.suffix() == Some(mime::JSON) => Media::Json,
                _ => Media::Other,
            },
            _ => Media::Other,
        }
    }
}

impl<'a> Body<'a> {
    /// The body of a request that came whole.
    pub fn here(head: &'a Head<'a>, bytes: Bytes, context: &'a RequestContext) -> Body<'a> {
        let source = Source::Here(bytes);
        Body { head, context, source }
    }

    /// The body of a request that actix reads.
    pub fn arriving(
        head: &'a Head<'a>,
        request: &HttpRequest,
        payload: &'a mut Payload,
        context: &'a RequestContext,
    ) -> Body<'a> {
        let timeout = timeout_of(request);
        let source = Source::Arriving { payload, timeout };
        Body { head, context, source }
    }

    /// Takes the body, which is to be JSON, as it is.
    ///
    /// # Errors
    ///
    /// In this order: it is declared as something else, too large, or too slow.
    pub async fn text(self) -> Result<JsonText, Rejection> {
        match Media::of(self.head) {
            Media::Json => self.bytes().await.map(JsonText),
            Media::Form | Media::Other => Err(Rejection::UnsupportedMediaType),
        }
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// As [`text`](Body::text) and [`JsonText::parse`] do.
    pub async fn json(self) -> Result<Value, Rejection> {
        Ok(self.text().await?.parse()?.into())
    }

    /// Reads the body as JSON, or as a form where it is declared as one; a form's fields are texts.
    ///
    /// # Errors
    ///
    /// As [`json`](Body::json) does.
    pub async fn json_or_form(self) -> Result<Value, Rejection> {
        if Media::of(self.head) != Media::Form {
            return self.json().await;
        }
        let fields = form(&self.bytes().await?).ok_or(Rejection::FormNotUtf8)?;
        let fields = fields.into_iter().map(|(name, text)| (name, text.into()));
        Ok(Value::Object(fields.collect::<Map<_, _>>()))
    }

    /// The bytes of the body, which the journal gets to see whether or not they are taken.
    async fn bytes(self) -> Result<Bytes, Rejection> {
        let limit_bytes = self.context.settings().body_limit;
        let (payload, timeout) = match self.source {
            Source::Here(bytes) => {
                let is_taken = bytes.len() <= limit_bytes;
                let arrived = if is_taken { bytes.clone() } else { Bytes::new() };
                self.context.keep_body(arrived, length(&bytes));
                return is_taken.then_some(bytes).ok_or(Rejection::BodyTooLarge { limit_bytes });
            }
            Source::Arriving { payload, timeout } => (payload, timeout),
        };
        let declared = self.head.header(&CONTENT_LENGTH);
        let declared = declared.and_then(|length| str::from_utf8(length).ok()?.parse().ok());
        let mut arrived = BytesMut::new();
        let read = read(payload, declared, limit_bytes, &mut arrived);
        let read = tokio::time::timeout(timeout, read).await;
        // The journal must not hold on to the room that was made for what did not come.
        let arrived = match read {
            Ok(Ok(())) => arrived.freeze(),
            _ => Bytes::copy_from_slice(&arrived),
        };
        let whole = declared.unwrap_or_default().max(arrived.len());
        self.context
            .keep_body(arrived.clone(), u64::try_from(whole).unwrap_or(u64::MAX));
        let read = read.unwrap_or(Err(Rejection::BodyTimeout));
        if read.is_err() {
            self.context.give_up(payload.take());
        }
        read.map(|()| arrived)
    }

    /// Lets the journal know a body that nobody takes.
    pub async fn show_to_the_journal(self) {
        if self.context.has_body() {
            return;
        }
        match self.source {
            Source::Here(bytes) if bytes.len() > self.context.settings().body_limit => {}
            Source::Here(bytes) => self.context.keep_body(bytes.clone(), length(&bytes)),
            Source::Arriving { payload, timeout } => drop(read_ahead(payload, timeout, self.context).await),
        }
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Reads a body ahead of whoever takes it, lets the journal know it, and puts it back. `None` for one that is too large, too slow
/// or does not arrive whole: that is for whoever takes it to refuse.
pub(super) async fn read_ahead(payload: &mut Payload, timeout: Duration, context: &RequestContext) -> Option<Bytes> {
    let limit = context.settings().body_limit;
    let mut arriving = payload.take();
    let (mut chunks, mut bytes) = (Vec::new(), BytesMut::new());
    let read = async {
        while let Some(chunk) = arriving.next().await {
            let is_broken = chunk.as_ref().map(|chunk| bytes.extend_from_slice(chunk)).is_err();
            chunks.push(chunk);
            if is_broken || bytes.len() > limit {
                return false;
            }
        }
        true
    };
    let is_whole = tokio::time::timeout(timeout, read).await.unwrap_or(false);
    *payload = Payload::Stream {
        payload: Box::pin(stream::iter(chunks).chain(arriving)),
    };
    let body = is_whole.then(|| bytes.freeze())?;
    context.keep_body(body.clone(), length(&body));
    Some(body)
}

async fn read(
    payload: &mut Payload,
    declared_bytes: Option<usize>,
    limit_bytes: usize,
    arrived: &mut BytesMut,
) -> Result<(), Rejection> {
    if declared_bytes.is_some_and(|declared| declared > limit_bytes) {
        return Err(Rejection::BodyTooLarge { limit_bytes });
    }
    arrived.reserve(declared_bytes.unwrap_or_default().min(TRUSTED_BYTES));
    while let Some(chunk) = payload.next().await {
        // A client that leaves is not there to be told: the answer is for the journal.
        let chunk = chunk.map_err(|_| Rejection::MalformedJson {
            reason: "it ends in the middle".to_owned(),
        })?;
        if arrived.len() + chunk.len() > limit_bytes {
            return Err(Rejection::BodyTooLarge { limit_bytes });
        }
        arrived.extend_from_slice(&chunk);
    }
    Ok(())
}

/// The decoded parameters of a query, in their order.
///
/// # Errors
///
/// [`Rejection::QueryNotUtf8`].
pub fn parameters(query: &str) -> Result<Vec<(String, String)>, Rejection> {
    form(query.as_bytes()).ok_or(Rejection::QueryNotUtf8)
}

/// The decoded fields of a form; `None` where they are not UTF-8.
fn form(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    percent_decode(bytes).decode_utf8().ok()?;
    Some(form_urlencoded::parse(bytes).into_owned().collect())
}
