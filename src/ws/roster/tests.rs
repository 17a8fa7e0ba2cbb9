use super::*;

const ANNA: UserId = UserId::from_row(1);

fn a_roster() -> Roster {
    let roster = Roster::new(Store::connect("postgres://nobody@127.0.0.1:9/none", 1).unwrap());
    roster.state().begin(NodeId::mint());
    roster
}

fn enter(roster: &Roster) -> SessionId {
    let session = SessionId::mint();
    roster.enter(session, ANNA, DeviceId::default());
    session
}

/// What is told next: who entered, and who left.
fn told(roster: &Roster) -> (Vec<SessionId>, Vec<SessionId>) {
    let News { entered, left, .. } = roster.state().news().unwrap();
    (entered.iter().map(|one| one.session).collect(), left.iter().map(|(session, _)| *session).collect())
}

#[tokio::test]
async fn everything_is_told_once() {
    let roster = a_roster();
    let (stays, leaves) = (enter(&roster), enter(&roster));
    roster.leave(leaves);

    assert_eq!(told(&roster), (vec![stays], vec![leaves]));
    assert_eq!(told(&roster), (vec![], vec![]));
    roster.leave(stays);
    roster.leave(stays);
    assert_eq!(told(&roster), (vec![], vec![stays]));
    assert!(roster.state().is_quiet());
}

#[tokio::test]
async fn what_was_not_heard_is_told_again_unless_it_ended_meanwhile() {
    let roster = a_roster();
    let (stays, leaves, left) = (enter(&roster), enter(&roster), enter(&roster));
    roster.leave(left);
    let News { node, entered, left: ended } = roster.state().news().unwrap();
    roster.leave(leaves);

    roster.state().take_back(Beat { node, life: LIFE, sessions_max: 20, entered, left: ended });

    let (entered, mut ended) = told(&roster);
    ended.sort();
    assert_eq!((entered, ended), (vec![stays], vec![leaves, left]));
}

#[tokio::test]
async fn under_a_new_name_everyone_is_entered_anew() {
    let roster = a_roster();
    let session = enter(&roster);
    told(&roster);

    roster.state().begin(NodeId::mint());

    assert_eq!(told(&roster), (vec![session], vec![]));
}

#[tokio::test]
async fn ends_that_nobody_hears_do_not_pile_up() {
    let roster = a_roster();
    for _ in 0..=LEFT_MAX {
        let session = enter(&roster);
        roster.leave(session);
    }

    let state = roster.state();
    assert!(state.node.is_none() && state.left.is_empty());
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let roster = a_roster();
    for _ in 0..=BATCH_MAX {
        enter(&roster);
    }

    assert_eq!(told(&roster).0.len(), BATCH_MAX);
    assert_eq!(told(&roster).0.len(), 1);
}
