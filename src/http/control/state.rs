//! The whole state as one document: `/_mock/state`.

use std::io::{self, BufWriter, Write};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;

use super::request::ControlRequest;
use super::stores::unknown_store;
use super::{ControlError, ControlResult, ok, run_blocking};

/// The size of the chunks of a state response, and how many may wait for the client.
const CHUNK_SIZE: usize = 256 * 1024;
const MAX_WAITING_CHUNKS: usize = 2;

/// `GET /_mock/state`, `?store=`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let mut state = request.world.state();
    if let Some(store) = request.store()? {
        state = state.of_store(&store);
        if state.memory.stores.is_empty() {
            return Err(unknown_store(&store));
        }
    }
    let (sender, receiver) = mpsc::channel(MAX_WAITING_CHUNKS);
    // On its own thread, the writer waits for a slow client and holds no lock. It ends when the client disconnects.
    let writer = std::thread::Builder::new().name("yotpo-mock-state".to_owned()).spawn(move || {
        let mut out = BufWriter::with_capacity(CHUNK_SIZE, ChunkWriter(sender));
        state.write(&mut out).and_then(|()| out.flush())
    });
    writer.map_err(|error| {
        ControlError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot start a thread: {error}"),
            "check the limits of the process",
        )
    })?;
    let chunks = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Bytes>| {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, io::Error>(chunk), receiver))
    });
    Ok(HttpResponse::Ok().content_type(ContentType::json()).streaming(Box::pin(chunks)))
}

/// Sends what is written to the response body, and blocks while that has enough.
struct ChunkWriter(mpsc::Sender<Bytes>);

impl Write for ChunkWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(chunk));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `PUT /_mock/state`, `?store=`: replaces the current state, and the time.
pub(super) async fn put(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let text = request.text().await?;
    let world = request.world.clone();
    let replaced = run_blocking(move || world.restore_document(store.as_deref(), &text)).await?;
    replaced.map_err(|error| {
        let hint = "nothing was changed; `GET /_mock/state` returns a valid state, and a seed is valid too";
        ControlError::bad(format!("invalid state: {error}"), hint)
    })?;
    ok(json!({}))
}

/// `POST /_mock/state/save`: saves the state to the file of `--state`.
pub(super) async fn save(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    request.no_body().await?;
    let world = request.world.clone();
    let Some(file) = &world.state_file else {
        return Err(ControlError::new(
            StatusCode::CONFLICT,
            "there is no state file",
            "start with `--state FILE`; `GET /_mock/state` needs none",
        ));
    };
    let path = file.path().display().to_string();
    let saved = run_blocking(move || world.save()).await?;
    match saved.expect("there is a state file") {
        Ok(bytes) => ok(json!({ "file": path, "bytes": bytes })),
        Err(error) => Err(ControlError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), error.hint())),
    }
}
