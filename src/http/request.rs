//! A request as a transport hands it over: its head, and its body, read or still arriving.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Payload;
use actix_http::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use actix_web::mime::{self, Mime};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::domain::json::{self, Malformed};
use crate::domain::rejection::Rejection;
use crate::domain::text::truncate;

/// How much memory is reserved for a body before it arrives, whatever its `Content-Length` says.
const MAX_RESERVED_BYTES: usize = 64 * 1024;

/// The head of a request, as either transport parsed it.
pub(super) struct RequestHead<'a> {
    pub method: &'a Method,
    /// Percent-encoded, without the query.
    pub path: &'a str,
    /// Percent-encoded; empty if there is none.
    pub query: &'a str,
    headers: Headers<'a>,
}

#[derive(Clone, Copy)]
enum Headers<'a> {
    Map(&'a HeaderMap),
    /// Names in any case, and the bytes of all header lines.
    Raw(&'a [httparse::Header<'a>], &'a [u8]),
}

impl<'a> RequestHead<'a> {
    /// A head that actix parsed.
    pub fn from_actix(head: &'a actix_http::RequestHead) -> RequestHead<'a> {
        RequestHead {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: Headers::Map(&head.headers),
        }
    }

    /// A head from its parsed headers and the bytes of their lines.
    pub fn from_raw(
        method: &'a Method,
        target: &'a str,
        headers: &'a [httparse::Header<'a>],
        lines: &'a [u8],
    ) -> RequestHead<'a> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        RequestHead { method, path, query, headers: Headers::Raw(headers, lines) }
    }

    /// The first value of a header.
    pub fn header(&self, name: &HeaderName) -> Option<&'a [u8]> {
        match self.headers {
            Headers::Map(map) => map.get(name).map(|value| value.as_bytes()),
            Headers::Raw(headers, _) => {
                let mut named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name.as_str()));
                named.next().map(|header| header.value)
            }
        }
    }

    /// The first value of a header, if it is UTF-8.
    pub fn header_text(&self, name: &HeaderName) -> Option<&'a str> {
        str::from_utf8(self.header(name)?).ok()
    }

    /// All header lines, each ending in CRLF.
    pub fn header_lines(&self) -> Cow<'a, [u8]> {
        match self.headers {
            Headers::Map(map) => {
                let mut lines = Vec::new();
                for (name, value) in map {
                    for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                        lines.extend_from_slice(part);
                    }
                }
                lines.into()
            }
            Headers::Raw(_, lines) => lines.into(),
        }
    }

    /// The names and values of all headers.
    pub fn headers(&self) -> Vec<(String, String)> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match self.headers {
            Headers::Map(map) => map.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            Headers::Raw(headers, _) => {
                headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value))).collect()
            }
        }
    }

    /// Whether the request declares a body that is not empty.
    pub fn has_body(&self) -> bool {
        self.content_length().is_some_and(|length| length > 0) || self.header(&TRANSFER_ENCODING).is_some()
    }

    /// The value of `Content-Length`.
    pub fn content_length(&self) -> Option<usize> {
        self.header_text(&CONTENT_LENGTH)?.parse().ok()
    }
}

/// The body of a request, which is read when a handler needs it, at most once.
pub(super) struct RequestBody<'a> {
    source: BodySource<'a>,
    /// The bytes that were read, and the length of the whole body as far as it is known.
    read: Option<(Bytes, u64)>,
}

/// A body that arrives while its request is handled. It ends after an error, where [`Payload`] would never end.
pub(super) struct ArrivingBody {
    payload: Payload,
    is_over: bool,
}

impl From<Payload> for ArrivingBody {
    fn from(payload: Payload) -> ArrivingBody {
        ArrivingBody { payload, is_over: false }
    }
}

impl Stream for ArrivingBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let polled = self.payload.poll_next_unpin(context);
        self.is_over = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }
}

enum BodySource<'a> {
    /// It arrived with its head.
    Buffered(Bytes),
    /// It arrives while the request is handled; reading it may take `timeout`.
    Streaming { payload: &'a mut ArrivingBody, timeout: Duration },
    /// It was read, or why it could not be.
    Read(Result<Bytes, Rejection>),
}

impl<'a> RequestBody<'a> {
    pub fn buffered(body: Bytes) -> RequestBody<'a> {
        RequestBody { source: BodySource::Buffered(body), read: None }
    }

    pub fn streaming(payload: &'a mut ArrivingBody, timeout: Duration) -> RequestBody<'a> {
        RequestBody { source: BodySource::Streaming { payload, timeout }, read: None }
    }

    /// The bytes that were read, for the request journal, and the length of the whole body; `None` if it is empty.
    pub fn read_so_far(&self) -> Option<(&Bytes, u64)> {
        self.read.as_ref().filter(|(_, length)| *length > 0).map(|(bytes, length)| (bytes, *length))
    }

    /// Reads the whole body. A second call returns the result of the first.
    ///
    /// # Errors
    ///
    /// [`Rejection::BodyTooLarge`], [`Rejection::BodyTimeout`], or [`Rejection::MalformedJson`] if it is cut off.
    pub async fn read(&mut self, head: &RequestHead<'_>, limit_bytes: usize) -> Result<Bytes, Rejection> {
        let (arrived, length, result) = match &mut self.source {
            BodySource::Read(result) => return result.clone(),
            BodySource::Buffered(body) if body.len() > limit_bytes => {
                (Bytes::new(), body.len(), Err(Rejection::BodyTooLarge { limit_bytes }))
            }
            BodySource::Buffered(body) => (body.clone(), body.len(), Ok(())),
            BodySource::Streaming { payload, timeout } => {
                let declared = head.content_length();
                let mut arrived = BytesMut::new();
                let read = read_payload(payload, declared, limit_bytes, &mut arrived);
                let result = tokio::time::timeout(*timeout, read).await;
                let result = result.unwrap_or(Err(Rejection::BodyTimeout));
                let arrived = match result {
                    Ok(()) => arrived.freeze(),
                    // The journal must not retain the memory that was reserved for the rest.
                    Err(_) => Bytes::copy_from_slice(&arrived),
                };
                let length = declared.unwrap_or_default().max(arrived.len());
                (arrived, length, result)
            }
        };
        let result = result.map(|()| arrived.clone());
        self.read = Some((arrived, u64::try_from(length).unwrap_or(u64::MAX)));
        self.source = BodySource::Read(result.clone());
        result
    }

    /// Reads a body that is declared as JSON.
    ///
    /// # Errors
    ///
    /// [`Rejection::UnsupportedMediaType`], then as [`read`](Self::read).
    pub async fn read_json(&mut self, head: &RequestHead<'_>, limit_bytes: usize) -> Result<JsonText, Rejection> {
        match Media::from_head(head)? {
            Media::Json => self.read(head, limit_bytes).await.map(JsonText),
            Media::Form | Media::Other => Err(Rejection::UnsupportedMediaType { or_form: false }),
        }
    }

    /// Reads a body that is declared as JSON or as a form, whose fields become strings.
    ///
    /// # Errors
    ///
    /// As [`read_json`](Self::read_json) and [`JsonText::parse`], and [`Rejection::FormNotUtf8`].
    pub async fn read_json_or_form(&mut self, head: &RequestHead<'_>, limit_bytes: usize) -> Result<Value, Rejection> {
        match Media::from_head(head)? {
            Media::Json => return Ok(self.read_json(head, limit_bytes).await?.parse()?.into()),
            Media::Form => {}
            Media::Other => return Err(Rejection::UnsupportedMediaType { or_form: true }),
        }
        let fields = parse_form(&self.read(head, limit_bytes).await?).ok_or(Rejection::FormNotUtf8)?;
        let fields = fields.into_iter().map(|(name, text)| (name, text.into()));
        Ok(Value::Object(fields.collect::<Map<_, _>>()))
    }
}

async fn read_payload(
    payload: &mut ArrivingBody,
    declared_bytes: Option<usize>,
    limit_bytes: usize,
    arrived: &mut BytesMut,
) -> Result<(), Rejection> {
    if declared_bytes.is_some_and(|declared| declared > limit_bytes) {
        return Err(Rejection::BodyTooLarge { limit_bytes });
    }
    arrived.reserve(declared_bytes.unwrap_or_default().min(MAX_RESERVED_BYTES));
    while let Some(chunk) = payload.next().await {
        // The client has gone, so this is for the journal.
        let chunk = chunk.map_err(|_| Rejection::MalformedJson { reason: "it ends in the middle".to_owned() })?;
        if arrived.len() + chunk.len() > limit_bytes {
            return Err(Rejection::BodyTooLarge { limit_bytes });
        }
        arrived.extend_from_slice(&chunk);
    }
    Ok(())
}

/// The bytes of a body that is declared as JSON.
pub(super) struct JsonText(Bytes);

impl JsonText {
    /// # Errors
    ///
    /// [`Rejection::EmptyBody`], [`Rejection::NestedTooDeep`] or [`Rejection::MalformedJson`].
    pub fn parse(&self) -> Result<json::Json<'_>, Rejection> {
        json::parse(&self.0).map_err(|malformed| match malformed {
            Malformed::NotJson(_) if self.0.is_empty() => Rejection::EmptyBody,
            Malformed::TooDeep => Rejection::NestedTooDeep,
            Malformed::NotJson(error) => Rejection::MalformedJson {
                reason: match &self.0[..] {
                    [0xEF, 0xBB, 0xBF, ..] => "it begins with a byte order mark, which JSON does not allow".to_owned(),
                    [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is UTF-16, by its byte order mark".to_owned(),
                    [0x1F, 0x8B, ..] => "it is compressed with gzip".to_owned(),
                    _ => json::describe(&error),
                },
            },
        })
    }
}

/// The media type of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    /// JSON, also where `Content-Type` is missing.
    Json,
    Form,
    Other,
}

impl Media {
    /// # Errors
    ///
    /// [`Rejection::UnsupportedEncoding`] if the body is declared as encoded.
    fn from_head(head: &RequestHead<'_>) -> Result<Media, Rejection> {
        let encoding = head.header(&CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value).trim().to_owned());
        if let Some(encoding) = encoding.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("identity")) {
            return Err(Rejection::UnsupportedEncoding { encoding: truncate(encoding) });
        }
        if head.header(&CONTENT_TYPE).is_none() {
            return Ok(Media::Json);
        }
        // The parser accepts no space before a semicolon, and HTTP does.
        let declared = head.header_text(&CONTENT_TYPE).map(|declared| {
            let parts: Vec<_> = declared.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
            parts.join(";")
        });
        Ok(match declared.and_then(|declared| declared.parse::<Mime>().ok()) {
            Some(media) if media.type_() == mime::APPLICATION => match media.subtype() {
                mime::JSON => Media::Json,
                mime::WWW_FORM_URLENCODED => Media::Form,
                _ if media.suffix() == Some(mime::JSON) => Media::Json,
                _ => Media::Other,
            },
            _ => Media::Other,
        })
    }
}

/// The decoded parameters of a query, in order.
///
/// # Errors
///
/// [`Rejection::QueryNotUtf8`].
pub fn parse_query(query: &str) -> Result<Vec<(String, String)>, Rejection> {
    parse_form(query.as_bytes()).ok_or(Rejection::QueryNotUtf8)
}

/// The decoded fields of a form; `None` if they are not UTF-8.
fn parse_form(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    percent_decode(bytes).decode_utf8().ok()?;
    Some(form_urlencoded::parse(bytes).into_owned().collect())
}
