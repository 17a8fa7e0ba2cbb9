use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

async fn reads(bytes: &[u8]) -> Result<Incoming, Violation> {
    FastReader::new(bytes).next().await
}

#[tokio::test]
async fn a_masked_text_is_read_and_an_unmasked_one_is_refused() {
    assert_eq!(reads(&masked(0x81, b"hello")).await, Ok(Incoming::Text));
    assert_eq!(reads(b"\x81\x05hello").await, Err(Violation::Protocol));
}

#[tokio::test]
async fn control_frames_pass_between_fragments() {
    let stream = [masked(0x01, b"a"), masked(0x89, b"hi"), masked(0x80, b"b"), masked(0x8a, b"")].concat();
    let mut reader = FastReader::new(stream.as_slice());

    assert_eq!(reader.next().await, Ok(Incoming::Fragment));
    assert_eq!(reader.next().await, Ok(Incoming::Ping(Bytes::from_static(b"hi"))));
    assert_eq!(reader.next().await, Ok(Incoming::Text));
    assert_eq!(reader.next().await, Ok(Incoming::Pong));
    assert_eq!(reader.next().await, Err(Violation::Gone));
}

#[tokio::test]
async fn a_length_beyond_the_bound_is_refused_before_its_bytes_come() {
    assert_eq!(reads(b"\x81\xff\0\0\0\x01\0\0\0\0\x01\x02\x03\x04").await, Err(Violation::TooBig));
    assert_eq!(reads(b"\x81\xfe\x10\x01\x01\x02\x03\x04").await, Err(Violation::TooBig));
}

#[tokio::test]
async fn close_frames_carry_a_code_that_may_be_sent_or_none() {
    assert_eq!(reads(&masked(0x88, b"")).await, Ok(Incoming::Close(1000)));
    assert_eq!(reads(&masked(0x88, b"\x0f\xa1bye")).await, Ok(Incoming::Close(4001)));
    assert_eq!(reads(&masked(0x88, b"\x03")).await, Err(Violation::Protocol));
    assert_eq!(reads(&masked(0x88, &1005_u16.to_be_bytes())).await, Err(Violation::Protocol));
    assert_eq!(reads(&masked(0x88, b"\x03\xe8\xff")).await, Err(Violation::NotUtf8));
}

#[tokio::test]
async fn long_control_frames_break_the_protocol() {
    for first in [0x88, 0x89, 0x8a] {
        let mut frame = vec![first, 0xfe, 0, 126, 0, 0, 0, 0];
        frame.extend([b'a'; 126]);

        assert_eq!(reads(&frame).await, Err(Violation::Protocol));
    }
}

#[tokio::test]
async fn messages_arrive_whole_through_a_pipe_that_takes_seven_bytes_at_a_time() {
    let (ours, mut theirs) = duplex(7);
    let long = Bytes::from(vec![b'x'; 300]);
    let messages = [Outgoing::Text(long.clone()), Outgoing::Ping, Outgoing::Close(1001, "bye")];

    let write = async move { FastWriter::new(ours).write(&messages).await };
    let mut got = Vec::new();
    let (written, read) = tokio::join!(write, theirs.read_to_end(&mut got));

    written.unwrap();
    read.unwrap();
    assert_eq!(got, [b"\x81\x7e\x01\x2c", &*long, b"\x89\x00", b"\x88\x05\x03\xe9bye"].concat());
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_given_up() {
    let (ours, _theirs) = duplex(4);
    let mut writer = FastWriter { write: ours, patience: Duration::from_millis(1) };

    let error = writer.write(&[Outgoing::Text("more than four bytes".into())]).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_closed_socket_is_an_error() {
    let (ours, mut theirs) = duplex(64);
    theirs.shutdown().await.unwrap();
    drop(theirs);

    assert!(FastWriter::new(ours).write(&[Outgoing::Ping]).await.is_err());
}
