//! The byte stream of a connection.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

/// A TCP or TLS connection. Bytes that were read can be put back, to be read again.
pub(super) struct Stream {
    io: Io,
    unread: BytesMut,
    reset_on_close: ResetOnClose,
}

enum Io {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whether a connection ends with a TCP reset.
#[derive(Clone, Default)]
pub(super) struct ResetOnClose(Rc<Cell<bool>>);

impl ResetOnClose {
    pub fn set(&self) {
        self.0.set(true);
    }

    pub fn is_set(&self) -> bool {
        self.0.get()
    }
}

impl Stream {
    pub fn plain(stream: TcpStream) -> Stream {
        Stream::new(Io::Plain(stream))
    }

    #[cfg(feature = "tls")]
    pub fn tls(stream: TlsStream<TcpStream>) -> Stream {
        Stream::new(Io::Tls(Box::new(stream)))
    }

    fn new(io: Io) -> Stream {
        Stream { io, unread: BytesMut::new(), reset_on_close: ResetOnClose::default() }
    }

    pub fn tcp(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Io::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Puts bytes back, so that the next read returns them.
    pub fn unread(&mut self, bytes: BytesMut) {
        self.unread = bytes;
    }

    pub fn reset_on_close(&self) -> &ResetOnClose {
        &self.reset_on_close
    }

    fn io(&mut self) -> Pin<&mut dyn ReadWrite> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream),
            #[cfg(feature = "tls")]
            Io::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.reset_on_close.is_set() {
            // Closing a socket that lingers for no time resets the connection. If the client has gone, nothing is to be done.
            let _ = SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
        }
    }
}

trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return self.io().poll_read(context, out);
        }
        let count = self.unread.len().min(out.remaining());
        out.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        if self.unread.is_empty() {
            // Frees the buffer.
            self.unread = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
