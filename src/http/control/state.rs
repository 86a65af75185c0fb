//! Everything that is there, out and in: `/_mock/state`.

use std::io::{self, BufWriter, Write};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;

use super::error::ControlError;
use super::request::{ControlRequest, run_blocking};
use super::stores::unknown;

/// How large the pieces are in which a state goes out, and how many of them may wait for the client.
const PIECE_BYTES: usize = 256 * 1024;
const PIECES: usize = 2;

/// `GET /_mock/state`, `?store=`
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let mut state = request.world.state();
    if let Some(store) = store {
        state = state.of_store(&store);
        if state.memory.stores.is_empty() {
            return Err(unknown(&store));
        }
    }
    let (sender, receiver) = mpsc::channel(PIECES);
    // It waits for a slow client on a thread of its own, with no store held. A client that leaves ends it.
    let written = std::thread::Builder::new()
        .name("yotpo-mock-state".to_owned())
        .spawn(move || {
            let mut out = BufWriter::with_capacity(PIECE_BYTES, Pieces(sender));
            state.write(&mut out).and_then(|()| out.flush())
        });
    written.map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ControlError::new(
            status,
            format!("there is no thread: {error}"),
            "look at the limits of the process",
        )
    })?;
    let pieces = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Bytes>| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, io::Error>(piece), receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .streaming(Box::pin(pieces)))
}

/// Hands over what is written to the answer, and waits while that has enough.
struct Pieces(mpsc::Sender<Bytes>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(piece));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `PUT /_mock/state`, `?store=`: puts it in the place of what is there, the time included.
pub(super) async fn put(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    let text = request.text().await?;
    let put = run_blocking(move || world.restore_document(store.as_deref(), &text)).await?;
    put.map_err(|error| {
        let hint = "nothing was changed; `GET /_mock/state` shows what a state is, and a seed is one";
        ControlError::bad(format!("the state is not taken: {error}"), hint)
    })?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// `POST /_mock/state/save`: saves the state in the file of `--state`.
pub(super) async fn save(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let world = request.world.clone();
    request.object(&[]).await?;
    let Some(file) = &world.state_file else {
        return Err(ControlError::new(
            StatusCode::CONFLICT,
            "there is no file to save the state in",
            "start with `--state FILE`; `GET /_mock/state` gives the state without one",
        ));
    };
    let path = file.path().display().to_string();
    let saved = run_blocking(move || world.save()).await?;
    match saved.expect("there is a file") {
        Ok(bytes) => Ok(HttpResponse::Ok().json(json!({ "file": path, "bytes": bytes }))),
        Err(error) => Err(ControlError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the state cannot be saved in `{path}`: {error}"),
            "the file is as it was saved last; look at its folder and at the disk",
        )),
    }
}
