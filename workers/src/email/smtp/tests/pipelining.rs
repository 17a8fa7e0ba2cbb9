use super::*;

#[tokio::test]
async fn a_server_that_takes_commands_at_once_gets_them_at_once() {
    // It answers nothing before it has read all three: whoever waited for a reply would wait for ever.
    let (server, smtp) =
        served(&[&[PIPELINING, ("MAIL", ""), ("RCPT", ""), ("DATA", "250 Ok\r\n250 Ok\r\n354 Go ahead")]]).await;

    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(
        (server.log().commands, server.log().mails),
        (CONVERSATION.map(str::to_owned).to_vec(), vec![CONTENT.to_owned()])
    );
}

#[tokio::test]
async fn a_server_that_goes_ahead_without_a_recipient_loses_its_connection() {
    let (server, smtp) = served(&[&[PIPELINING, ("RCPT", "550 5.1.1 no such user")], &[]]).await;

    assert_eq!(outcome(&smtp).await, Outcome::Failed(Fault::NoSuchAddress));
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
    assert!(!server.log().mails[0].contains("Subject"), "nobody was to get it");
}
