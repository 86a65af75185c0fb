//! The socket of a connection, for the one thing that actix does not do: a reset. The only place that knows the platform.

use std::any::Any;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

#[cfg(unix)]
type Raw = std::os::fd::RawFd;
#[cfg(windows)]
type Raw = std::os::windows::io::RawSocket;

/// A connection's socket, which the connection owns.
#[derive(Clone, Copy)]
pub(super) struct Socket(Raw);

/// What is done with each connection when it is accepted.
pub(super) fn on_connect(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    // Without this a pipelining client's answers wait for its acknowledgements, 40 ms each time. A socket that takes no option
    // is about to fail by itself.
    let _ = stream.set_nodelay(true);
    extensions.insert(Socket::of(stream));
}

impl Socket {
    #[cfg(unix)]
    fn of(stream: &TcpStream) -> Socket {
        use std::os::fd::AsRawFd;
        Socket(stream.as_raw_fd())
    }

    #[cfg(windows)]
    fn of(stream: &TcpStream) -> Socket {
        use std::os::windows::io::AsRawSocket;
        Socket(stream.as_raw_socket())
    }

    /// Lets the connection end with a reset and not with an end of file.
    ///
    /// To be called only while a request of the connection is being answered: then the socket is open.
    pub fn reset_when_closed(self) {
        let linger = |socket: SockRef<'_>| {
            // A client that has gone needs no reset.
            let _ = socket.set_linger(Some(Duration::ZERO));
        };
        // SAFETY: the connection owns the socket and keeps it open for as long as one of its requests is being answered, and
        // the borrow ends before this function does.
        #[cfg(unix)]
        linger(SockRef::from(&unsafe { std::os::fd::BorrowedFd::borrow_raw(self.0) }));
        // SAFETY: as above.
        #[cfg(windows)]
        linger(SockRef::from(&unsafe {
            std::os::windows::io::BorrowedSocket::borrow_raw(self.0)
        }));
    }
}
