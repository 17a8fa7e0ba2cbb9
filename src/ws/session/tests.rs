use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

use super::*;
use crate::auth::{CookieRules, Origins, Tokens};
use crate::ws::socket::{FastReader, FastWriter};

/// A session of a node whose database is away, with the client's end of its socket. Ends when the client is done.
async fn with_client(tasks: Tasks, client: impl AsyncFnOnce(DuplexStream) -> DuplexStream) -> End {
    let store = Store::connect("postgres://nobody@127.0.0.1:1/none", 1).unwrap();
    let cookie = CookieRules { name: "ec_token".to_owned(), origins: Origins::default() };
    let node = Node::new(store, Tokens::hs256([7; 32]), cookie, tasks);
    let entry = node.enter(UserId::from_row(1)).unwrap();
    let (ours, theirs) = duplex(1024);
    let (read, write) = split(ours);
    let beginning = Beginning { after: None, head: None };
    let session = run(&node, &entry.session, beginning, FastReader::new(read), FastWriter::new(write));
    let deadline = Duration::from_secs(10);
    let (end, _theirs) = timeout(deadline, async { tokio::join!(session, client(theirs)) }).await.unwrap();
    end
}

/// A short masked frame; the mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
}

async fn expect(io: &mut DuplexStream, wanted: &[u8]) {
    let mut got = vec![0; wanted.len()];
    io.read_exact(&mut got).await.unwrap();
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn a_session_lives_while_the_database_is_away() {
    let end = with_client(Tasks::default(), async |mut io| {
        io.write_all(&frame(0x89, b"there?")).await.unwrap();
        expect(&mut io, b"\x8a\x06there?").await;
        io.write_all(&frame(0x88, b"\x0f\xa1bye")).await.unwrap();
        expect(&mut io, b"\x88\x02\x0f\xa1").await;
        io
    });

    assert_eq!(end.await, End::Client(4001));
}

#[tokio::test]
async fn a_stopping_process_sends_its_sessions_elsewhere() {
    let tasks = Tasks::default();
    let end = with_client(tasks.clone(), async |mut io| {
        tasks.stop();
        expect(&mut io, b"\x88\x1a\x03\xe9the server is going away").await;
        io
    });

    assert_eq!(end.await, End::Shutdown);
}

#[tokio::test]
async fn half_a_frame_survives_what_is_written_meanwhile() {
    let end = with_client(Tasks::default(), async |mut io| {
        let text = frame(0x81, b"hello");
        io.write_all(&frame(0x89, b"1")).await.unwrap();
        io.write_all(&text[..3]).await.unwrap();
        expect(&mut io, b"\x8a\x011").await;
        io.write_all(&text[3..]).await.unwrap();
        expect(&mut io, &[b"\x81\x50", &*frame::UNKNOWN_FRAME].concat()).await;
        io.write_all(&frame(0x88, b"")).await.unwrap();
        expect(&mut io, b"\x88\x02\x03\xe8").await;
        io
    });

    assert_eq!(end.await, End::Client(1000));
}

#[tokio::test]
async fn a_flood_ends_the_session_and_answers_do_not_pile_up() {
    let end = with_client(Tasks::default(), async |mut io| {
        let flood = frame(0x81, b"x").repeat(60);
        io.write_all(&flood).await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"\x88\x13\x03\xf0too many messages") {
            got.push(io.read_u8().await.unwrap());
        }
        io
    });

    assert_eq!(end.await, End::Flood);
}

#[tokio::test]
async fn a_client_that_vanishes_is_an_error_and_not_a_close() {
    let end = with_client(Tasks::default(), async |io| {
        drop(io);
        duplex(1).0
    });

    assert_eq!(end.await, End::Violation(Violation::Gone));
}

#[test]
fn a_client_that_does_not_read_cannot_make_answers_pile_up() {
    let session = Session::new(1, UserId::from_row(1));

    for _ in 0..100 {
        session.ping();
    }

    assert_eq!(session.take().0.len(), ANSWERS_MAX);
}

#[test]
fn every_close_reason_fits_a_control_frame() {
    let violations = [Violation::Gone, Violation::Protocol, Violation::Binary, Violation::NotUtf8, Violation::TooBig];
    let ends = [End::Client(1000), End::Flood, End::AfterIsAhead, End::Silent, End::Broken, End::Stuck, End::Shutdown];

    for end in violations.map(End::Violation).into_iter().chain(ends) {
        if let Some(Outgoing::Close(code, reason)) = end.close_frame() {
            assert!(reason.len() <= 123, "{code} {reason}");
        }
    }
}
