use eventcenter_core::id::UserId;
use eventcenter_core::tasks::Tasks;
use tokio::net::TcpListener;

use super::*;
use crate::auth::Grant;
use crate::ws::session::Mode;
use crate::ws::session::tests::a_node_with;

/// A plain session of a node whose database is away, with the client's end of its socket. Ends when the client is done.
async fn with_client(tasks: Tasks, client: impl AsyncFnOnce(TcpStream) -> TcpStream) -> End {
    let node = a_node_with(tasks);
    let grant = Grant { user_id: UserId::from_row(1), issued_at: None, ends_at: i64::MAX };
    let entry = node.enter(grant, Mode::Plain).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    let session = serve(&node, &entry.session, &ours, Bytes::new());
    let deadline = Duration::from_secs(10);
    let (end, _theirs) = timeout(deadline, async { tokio::join!(session, client(theirs)) }).await.unwrap();
    end
}

/// A short masked frame; the mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
}

async fn expect(io: &mut TcpStream, wanted: &[u8]) {
    let mut got = vec![0; wanted.len()];
    io.read_exact(&mut got).await.unwrap();
    assert_eq!(got, wanted, "{}", String::from_utf8_lossy(&got));
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
        expect(
            &mut io,
            b"\x81\x4c{\"t\":\"bye\",\"code\":4202,\"reason\":\"the node is stopping\",\"retry_ms\":[0,20000]}",
        )
        .await;
        expect(&mut io, b"\x88\x16\x10\x6athe node is stopping").await;
        io
    });

    assert_eq!(end.await, End::Drain(Duration::from_secs(20)));
}

#[tokio::test]
async fn half_a_frame_survives_what_is_written_meanwhile() {
    let end = with_client(Tasks::default(), async |mut io| {
        let text = frame(0x81, br#"{"t":"what"}"#);
        io.write_all(&frame(0x89, b"1")).await.unwrap();
        io.write_all(&text[..9]).await.unwrap();
        expect(&mut io, b"\x8a\x011").await;
        io.write_all(&text[9..]).await.unwrap();
        expect(&mut io, b"\x81\x5b{\"t\":\"error\",\"code\":\"unknown_frame\"").await;
        io.write_all(&frame(0x88, b"")).await.unwrap();
        io
    });

    assert_eq!(end.await, End::Client(1000));
}

#[tokio::test]
async fn a_flood_is_warned_of_and_then_ends_the_session() {
    let end = with_client(Tasks::default(), async |mut io| {
        io.write_all(&frame(0x8a, b"x").repeat(60)).await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"\x88\x13\x10\x08too many messages") {
            got.push(io.read_u8().await.unwrap());
        }
        assert!(String::from_utf8_lossy(&got).contains("rate_limited"));
        io
    });

    assert_eq!(end.await, End::RateLimited);
}

#[tokio::test]
async fn what_came_with_the_handshake_is_heard() {
    let node = a_node_with(Tasks::default());
    let grant = Grant { user_id: UserId::from_row(1), issued_at: None, ends_at: i64::MAX };
    let entry = node.enter(grant, Mode::Full).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    let first = Bytes::from(frame(0x81, br#"{"t":"pong"}"#));

    let end = timeout(Duration::from_secs(10), serve(&node, &entry.session, &ours, first)).await;

    assert_eq!(end.unwrap(), End::BadRequest);
}
