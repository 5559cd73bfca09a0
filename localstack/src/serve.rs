//! The stand-in on a loopback socket: HTTP/1.1 in front of [`Localstack::handle`].

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::{Dropped, Localstack, control};

/// The longest body. The longest that AWS documents is an S3 schema's ten megabytes, which no request carries.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The most connections at once, each with one body in memory; further ones wait.
const MOST_CONNECTIONS: usize = 256;

/// How long a connection may take to send the head of a request, the wait for its first byte included.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long the body of a request may take to come in: the longest one comes in a moment from the same machine.
const BODY_TIME: Duration = Duration::from_mins(1);

/// How long requests that are being answered may take when everything ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves a stand-in until something happens, then ends the requests in hand.
///
/// Whoever reaches the socket may do everything, so it has to be a loopback one: any other is refused.
pub async fn serve(stand_in: Localstack, listener: TcpListener, stop: impl Future) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let message = format!("{address} is not a loopback address, and the stand-in knows no credentials");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    stand_in.serve_at(address);
    let (ending, _) = watch::channel(());
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, place)) => {
                    let connection = connection(stand_in.clone(), stream, ending.subscribe());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // The client went away again, or too many files are open: the next one may have more luck.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop(listener);
    ending.send_replace(());
    let farewell = async { while connections.join_next().await.is_some() {} };
    // What is still under way then is cut off: every change is whole, answered or not.
    _ = tokio::time::timeout(FAREWELL, farewell).await;
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// One connection. How it ends is the client's business.
async fn connection(stand_in: Localstack, stream: TcpStream, mut ending: watch::Receiver<()>) {
    _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(&stand_in, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

/// One answer. An error makes hyper close the connection without one.
async fn answer(stand_in: &Localstack, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    if let Err(failure) = stand_in.admit(&head) {
        return Ok(stand_in.refuse(&head, &failure).map(Full::new));
    }
    let response = match read(body).await {
        Ok(body) => {
            let request = Request::from_parts(head, body);
            match control::answer(stand_in, &request) {
                Some(response) => response,
                None => stand_in.handle(request).await?,
            }
        }
        Err(failure) => stand_in.refuse(&head, &failure),
    };
    Ok(response.map(Full::new))
}

async fn read(body: Incoming) -> Result<Bytes, Failure> {
    let too_long =
        || Failure::with_status(413, "RequestEntityTooLargeException", "The request body is longer than 10 MB");
    // One that announces too much is not waited for.
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_long());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => {
            let message = format!("The request body did not come in within {} seconds", BODY_TIME.as_secs());
            Err(Failure::with_status(408, "RequestTimeoutException", message))
        }
        Ok(Err(_)) => {
            Err(Failure::with_status(400, "SerializationException", "The request body cannot be read to its end"))
        }
    }
}
