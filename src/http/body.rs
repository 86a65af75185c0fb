//! The body of a request: how it arrives, and the ways in which it may fail to.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{HttpMessage, HttpRequest, mime};
use futures_util::{StreamExt, stream};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::exchange::Exchange;
use crate::domain::json::{self, Json, Malformed};
use crate::domain::rejection::Rejection;

/// How much room is made for a body before it arrives, whatever it declares.
const TRUSTED_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive; real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadTimeout(pub Duration);

/// How long the body of a request may take.
fn timeout_of(request: &HttpRequest) -> Duration {
    let timeout = request.app_data::<Data<ReadTimeout>>();
    timeout.expect("every app is given its timeout").0
}

/// A body that has not been read yet. It is read after admission, so that nobody is asked to send what is refused anyway.
pub(super) struct Body {
    media: Media,
    declared_bytes: Option<usize>,
    payload: Payload,
    exchange: Exchange,
    read_timeout: Duration,
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
    fn of(request: &HttpRequest) -> Media {
        match request.mime_type() {
            Ok(None) => Media::Json,
            Ok(Some(media)) if media.type_() == mime::APPLICATION => match media.subtype() {
                mime::JSON => Media::Json,
                mime::WWW_FORM_URLENCODED => Media::Form,
                _ if media.suffix() == Some(mime::JSON) => Media::Json,
                _ => Media::Other,
            },
            _ => Media::Other,
        }
    }
}

impl Body {
    /// The body of a request, as it is declared.
    pub fn of(request: &HttpRequest, payload: Payload, exchange: &Exchange) -> Body {
        let length = request.headers().get(CONTENT_LENGTH);
        Body {
            media: Media::of(request),
            declared_bytes: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            payload,
            exchange: exchange.clone(),
            read_timeout: timeout_of(request),
        }
    }

    /// Takes the body, which is to be JSON, as it is.
    ///
    /// # Errors
    ///
    /// In this order: it is declared as something else, too large, or too slow.
    pub async fn text(self) -> Result<JsonText, Rejection> {
        match self.media {
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
        if self.media != Media::Form {
            return self.json().await;
        }
        let fields = form(&self.bytes().await?).ok_or(Rejection::FormNotUtf8)?;
        let fields = fields.into_iter().map(|(name, text)| (name, text.into()));
        Ok(Value::Object(fields.collect::<Map<_, _>>()))
    }

    /// The bytes of the body, which the journal gets to see whether or not they are taken.
    async fn bytes(self) -> Result<Bytes, Rejection> {
        let mut arrived = BytesMut::new();
        let limit_bytes = self.exchange.settings().body_limit;
        let mut payload = self.payload;
        let read = read(&mut payload, self.declared_bytes, limit_bytes, &mut arrived);
        let read = tokio::time::timeout(self.read_timeout, read).await;
        // The journal must not hold on to the room that was made for what did not come.
        let arrived = match read {
            Ok(Ok(())) => arrived.freeze(),
            _ => Bytes::copy_from_slice(&arrived),
        };
        let whole = self.declared_bytes.unwrap_or_default().max(arrived.len());
        self.exchange
            .keep_body(arrived.clone(), u64::try_from(whole).unwrap_or(u64::MAX));
        let read = read.unwrap_or(Err(Rejection::BodyTimeout));
        if read.is_err() {
            self.exchange.give_up(payload);
        }
        read.map(|()| arrived)
    }
}

/// Reads a body ahead of whoever takes it, lets the journal know it, and puts it back. `None` for one that is too large, too slow
/// or does not arrive whole: that is for whoever takes it to refuse.
pub(super) async fn read_ahead(request: &HttpRequest, payload: &mut Payload, exchange: &Exchange) -> Option<Bytes> {
    let limit = exchange.settings().body_limit;
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
    let is_whole = tokio::time::timeout(timeout_of(request), read).await.unwrap_or(false);
    *payload = Payload::Stream {
        payload: Box::pin(stream::iter(chunks).chain(arriving)),
    };
    let body = is_whole.then(|| bytes.freeze())?;
    exchange.keep_body(body.clone(), u64::try_from(body.len()).unwrap_or(u64::MAX));
    Some(body)
}

/// Lets the journal know a body that nobody may take.
pub(super) async fn read_for_the_journal(request: &HttpRequest, payload: &mut Payload, exchange: &Exchange) {
    if !exchange.has_body() {
        read_ahead(request, payload, exchange).await;
    }
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
pub(crate) fn parameters(query: &str) -> Result<Vec<(String, String)>, Rejection> {
    form(query.as_bytes()).ok_or(Rejection::QueryNotUtf8)
}

/// The decoded fields of a form; `None` where they are not UTF-8.
fn form(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    percent_decode(bytes).decode_utf8().ok()?;
    Some(form_urlencoded::parse(bytes).into_owned().collect())
}
