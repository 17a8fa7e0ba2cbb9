use proptest::prelude::*;

use super::*;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first];
    match u16::try_from(payload.len()).unwrap() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// What is heard of these pieces, in words, and how it ends.
fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Result<(), Violation>) {
    let mut inbound = Inbound::default();
    let mut heard = Vec::new();
    let mut result = Ok(());
    for piece in pieces {
        result = result.and_then(|()| {
            inbound.feed(&mut piece.to_vec(), &mut |incoming| {
                heard.push(format!("{incoming:?}"));
                if matches!(incoming, Incoming::Close(_)) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
    }
    (heard, result)
}

fn violation(bytes: &[u8]) -> Violation {
    heard([bytes]).1.unwrap_err()
}

#[test]
fn a_masked_text_is_heard_and_an_unmasked_one_is_refused() {
    assert_eq!(heard([&*masked(0x81, b"hello")]), (vec![r#"Text("hello")"#.to_owned()], Ok(())));
    assert_eq!(violation(b"\x81\x05hello"), Violation::Protocol);
    assert_eq!(violation(b"\x81\x05"), Violation::Protocol, "its header is enough");
}

#[test]
fn a_message_in_fragments_is_one_message_and_control_frames_pass_between() {
    let (first, second) = "д".as_bytes().split_at(1);
    let stream = [masked(0x01, first), masked(0x89, b"hi"), masked(0x80, second), masked(0x8a, b"")].concat();

    assert_eq!(heard([&*stream]).0, ["Fragment", "Ping([104, 105])", "Text(\"д\")", "Pong"]);
}

#[test]
fn what_is_too_long_is_refused_by_its_header() {
    assert_eq!(violation(b"\x81\xff\0\0\0\x01\0\0\0\0"), Violation::TooBig);
    assert_eq!(violation(b"\x81\xfe\x20\x01"), Violation::TooBig);
    let half = masked(0x01, &[b'a'; MESSAGE_MAX / 2]);
    let rest = masked(0x00, &[b'a'; MESSAGE_MAX / 2]);
    assert_eq!(heard([&*half, &*rest]).1, Ok(()));
    assert_eq!(heard([&*half, &*rest, b"\x00\x81"]).1, Err(Violation::TooBig));
    assert_eq!(heard([&*masked(0x81, &[b'a'; MESSAGE_MAX])]).1, Ok(()));
}

#[test]
fn frames_out_of_turn_and_of_unknown_kinds_break_the_protocol() {
    for bytes in [
        [masked(0x01, b"a"), masked(0x81, b"b")].concat(),
        masked(0x80, b"a"),
        masked(0x83, b"a"),
        masked(0x8b, b""),
        masked(0xc1, b"a"),
        masked(0x09, b"a"),
        [&[0x89, 0xfe, 0, 126][..], &[0; 130]].concat(),
        vec![0; 64 * 1024],
    ] {
        assert_eq!(violation(&bytes), Violation::Protocol);
    }
}

#[test]
fn a_text_must_be_utf8_and_binary_is_refused() {
    assert_eq!(violation(&masked(0x81, &[0xff])), Violation::NotUtf8);
    assert_eq!(violation(&masked(0x82, b"a")), Violation::Binary);
}

#[test]
fn close_frames_carry_a_code_that_may_be_sent_or_none() {
    assert_eq!(heard([&*masked(0x88, b"")]).0, ["Close(1000)"]);
    let more = [masked(0x88, b"\x0f\xa1bye"), masked(0x81, b"more")].concat();
    assert_eq!(heard([&*more]).0, ["Close(4001)"], "nothing is heard after a close");
    assert_eq!(violation(&masked(0x88, b"\x03")), Violation::Protocol);
    assert_eq!(violation(&masked(0x88, &1005_u16.to_be_bytes())), Violation::Protocol);
    assert_eq!(violation(&masked(0x88, b"\x03\xe8\xff")), Violation::NotUtf8);
}

#[test]
fn nothing_is_kept_while_nothing_is_under_way() {
    let mut inbound = Inbound::default();
    let mut stream = [masked(0x01, &[b'a'; 4000]), masked(0x80, &[b'b'; 4000])].concat();
    let last = stream.split_off(stream.len() - 1);

    inbound.feed(&mut stream, &mut |_| ControlFlow::Continue(())).unwrap();
    inbound.feed(&mut last.clone(), &mut |_| ControlFlow::Continue(())).unwrap();

    assert_eq!((inbound.frame.capacity(), inbound.message), (0, None));
}

proptest! {
    #[test]
    fn pieces_are_heard_as_the_whole(
        texts in prop::collection::vec("[a-z]{0,300}", 1..8),
        cuts in prop::collection::vec(1_usize..100, 1..200),
    ) {
        let stream: Vec<u8> = texts.iter().flat_map(|text| masked(0x81, text.as_bytes())).collect();
        let mut rest = stream.as_slice();
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);

        prop_assert_eq!(heard(pieces), heard([stream.as_slice()]));
    }

    #[test]
    fn no_bytes_make_it_panic_or_keep_more_than_a_message(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut inbound = Inbound::default();
        for piece in bytes.chunks(17) {
            if inbound.feed(&mut piece.to_vec(), &mut |_| ControlFlow::Continue(())).is_err() {
                break;
            }
        }
        prop_assert!(inbound.frame.len() <= MESSAGE_MAX + 14);
    }
}
