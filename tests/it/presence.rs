//! Who is online, on how many sessions, since when, and when they were last seen.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use eventcenter_core::id::{DeviceId, NodeId, SessionId, UserId};
use eventcenter_core::store::{Beat, Closing, Entered, Heard, KeeperSession, Presence, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::Executor;

use crate::support::database::Database;

const LIFE: Duration = Duration::from_secs(5);
const ANNA: UserId = UserId::from_row(1);
const BORIS: UserId = UserId::from_row(2);

/// A process that holds sessions, as far as the database is concerned.
struct Node<'a> {
    store: &'a Store,
    id: NodeId,
}

impl<'a> Node<'a> {
    async fn start(store: &'a Store) -> Self {
        let id = NodeId::mint();
        store.enter_node(id, LIFE).await.unwrap();
        Self { store, id }
    }

    async fn beat(&self, entered: Vec<Entered>, left: Vec<(SessionId, UserId)>) -> Heard {
        self.store.beat(&Beat { node: self.id, life: LIFE, sessions_max: 20, entered, left }).await.unwrap()
    }

    async fn enter(&self, user: UserId, device: &str, age_s: u64) -> SessionId {
        let entered = a_session(user, device, age_s);
        let session = entered.session;
        self.beat(vec![entered], vec![]).await;
        session
    }

    /// What it has to close.
    async fn closes(&self) -> HashMap<SessionId, Closing> {
        match self.beat(vec![], vec![]).await {
            Heard::Close(sessions) => sessions.into_iter().collect(),
            Heard::Unknown => panic!("the node is not known"),
        }
    }
}

fn a_session(user: UserId, device: &str, age_s: u64) -> Entered {
    Entered {
        session: SessionId::mint(),
        user,
        device: DeviceId::parse(device).unwrap_or_default(),
        since: Instant::now().checked_sub(Duration::from_secs(age_s)).unwrap(),
    }
}

async fn presence(db: &Database, user: UserId) -> Presence {
    db.store().presence(&[user]).await.unwrap()[0]
}

/// As if the node had died 9 seconds ago, so that its last sign of life has run out, and everything were a minute old.
async fn let_die(db: &Database, node: &Node<'_>) {
    let pause =
        "update eventcenter.nodes set seen_at = now() - interval '9 s', until = now() - interval '4 s' where id = $1";
    sqlx::query(pause).bind(node.id.uuid()).execute(db.pool()).await.unwrap();
    db.pool().execute("update eventcenter.last_seen set at = at - interval '1 minute'").await.unwrap();
}

#[tokio::test]
async fn a_person_is_online_on_as_many_sessions_as_all_nodes_hold_since_the_oldest_began() {
    let db = Database::fresh().await;
    let (one, two) = (Node::start(db.store()).await, Node::start(db.store()).await);

    one.enter(ANNA, "laptop", 60).await;
    let phone = two.enter(ANNA, "phone", 5).await;
    two.enter(ANNA, "", 5).await;

    let anna = presence(&db, ANNA).await;
    assert_eq!((anna.online, anna.sessions), (true, 3));
    let (since, seen) = (anna.since.unwrap(), anna.last_seen_at.unwrap());
    assert_eq!(since.duration_until(seen).as_secs(), 60);
    two.beat(vec![], vec![(phone, ANNA)]).await;
    assert_eq!(presence(&db, ANNA).await.sessions, 2);
    let nobody = Presence { user_id: BORIS, online: false, sessions: 0, since: None, last_seen_at: None };
    assert_eq!(presence(&db, BORIS).await, nobody);
}

#[tokio::test]
async fn who_is_gone_was_last_seen_when_the_last_session_ended() {
    let db = Database::fresh().await;
    let node = Node::start(db.store()).await;
    let session = node.enter(ANNA, "laptop", 60).await;
    let online = presence(&db, ANNA).await.last_seen_at.unwrap();

    node.beat(vec![], vec![(session, ANNA)]).await;

    let anna = presence(&db, ANNA).await;
    assert_eq!((anna.online, anna.sessions, anna.since), (false, 0, None));
    assert!(anna.last_seen_at.unwrap() >= online);
    assert_eq!(presence(&db, ANNA).await, anna, "it stays as it is");
}

#[tokio::test]
async fn sessions_of_a_dead_node_do_not_count_and_are_forgotten() {
    let db = Database::fresh().await;
    let (dead, alive) = (Node::start(db.store()).await, Node::start(db.store()).await);
    for device in ["a", "b", "c"] {
        dead.enter(ANNA, device, 60).await;
    }
    alive.enter(ANNA, "d", 1).await;
    dead.enter(BORIS, "a", 60).await;
    let_die(&db, &dead).await;

    let before = (presence(&db, ANNA).await, presence(&db, BORIS).await);
    let mut keeper = KeeperSession::connect(db.url()).await.unwrap();
    while keeper.sweep_sessions(3).await.unwrap() {}

    for (anna, boris) in [before, (presence(&db, ANNA).await, presence(&db, BORIS).await)] {
        assert_eq!((anna.online, anna.sessions), (true, 1));
        assert!(anna.since.unwrap().duration_until(anna.last_seen_at.unwrap()).as_secs() < 30, "{anna:?}");
        assert!(!boris.online);
    }
    let unseen = before.1.last_seen_at.unwrap().duration_until(jiff::Timestamp::now()).as_secs();
    assert!((9..60).contains(&unseen), "the node was last seen 9 seconds ago, not {unseen}");
    assert_eq!(before.1.last_seen_at, presence(&db, BORIS).await.last_seen_at);
    assert_eq!(db.count("select count(*) from eventcenter.sessions").await, 1);
    assert_eq!(db.count("select count(*) from eventcenter.nodes").await, 1);
}

#[tokio::test]
async fn a_node_that_was_given_up_learns_it_and_enters_its_sessions_anew_under_another_name() {
    let db = Database::fresh().await;
    let old = Node::start(db.store()).await;
    let (kept, ended) = (a_session(ANNA, "laptop", 60), a_session(BORIS, "laptop", 60));
    old.beat(vec![kept.clone(), ended], vec![]).await;
    let_die(&db, &old).await;

    assert_eq!(old.beat(vec![a_session(ANNA, "phone", 0)], vec![]).await, Heard::Unknown);
    let new = Node::start(db.store()).await;
    new.beat(vec![kept], vec![]).await;
    let mut keeper = KeeperSession::connect(db.url()).await.unwrap();
    while keeper.sweep_sessions(1).await.unwrap() {}

    assert_eq!(presence(&db, ANNA).await.sessions, 1);
    assert!(!presence(&db, BORIS).await.online);
    assert_eq!(db.count("select count(*) from eventcenter.sessions").await, 1);
}

#[tokio::test]
async fn a_newer_session_of_a_device_replaces_the_older_one_on_any_node() {
    let db = Database::fresh().await;
    let (one, two) = (Node::start(db.store()).await, Node::start(db.store()).await);
    let older = one.enter(ANNA, "laptop", 60).await;
    one.enter(BORIS, "laptop", 60).await;
    one.enter(ANNA, "", 60).await;
    one.enter(ANNA, "", 60).await;

    two.enter(ANNA, "laptop", 0).await;

    assert_eq!(one.closes().await, HashMap::from([(older, Closing::Replaced)]));
    assert_eq!(two.closes().await, HashMap::new());
    assert_eq!(presence(&db, ANNA).await.sessions, 3);
    // A node that tells late of an old session does not replace the new one by it.
    let late = one.enter(ANNA, "laptop", 30).await;
    assert_eq!(one.closes().await, HashMap::from([(older, Closing::Replaced), (late, Closing::Replaced)]));
    assert_eq!(two.closes().await, HashMap::new());
}

#[tokio::test]
async fn the_oldest_sessions_beyond_twenty_are_closed_wherever_they_are() {
    let db = Database::fresh().await;
    let (one, two) = (Node::start(db.store()).await, Node::start(db.store()).await);
    let oldest = one.enter(ANNA, "oldest", 3600).await;
    let second = two.enter(ANNA, "second", 3000).await;
    let twenty = (0..20).map(|n| a_session(ANNA, &format!("d{n}"), n)).collect();

    one.beat(twenty, vec![]).await;

    assert_eq!(one.closes().await, HashMap::from([(oldest, Closing::TooMany)]));
    assert_eq!(two.closes().await, HashMap::from([(second, Closing::TooMany)]));
    assert_eq!(presence(&db, ANNA).await.sessions, 20);
}

#[tokio::test]
async fn a_replaced_session_costs_nobody_else_a_place() {
    let db = Database::fresh().await;
    let node = Node::start(db.store()).await;
    let twenty: Vec<Entered> = (0..20).map(|n| a_session(ANNA, &format!("d{n}"), 60 + n)).collect();
    let replaced = twenty[7].session;
    node.beat(twenty, vec![]).await;

    node.enter(ANNA, "d7", 0).await;

    assert_eq!(node.closes().await, HashMap::from([(replaced, Closing::Replaced)]));
    assert_eq!(presence(&db, ANNA).await.sessions, 20);
}

#[tokio::test]
async fn the_limit_holds_under_a_race_of_two_nodes() {
    let db = Database::fresh().await;
    let (one, two) = (Node::start(db.store()).await, Node::start(db.store()).await);

    let race = |node: &Node<'_>, side: &'static str| {
        let batches: Vec<Vec<Entered>> = (0..15)
            .map(|n| vec![a_session(ANNA, &format!("{side}{n}"), 0), a_session(BORIS, &format!("{side}{n}"), 0)])
            .collect();
        let (store, id) = (node.store.clone(), node.id);
        async move {
            for entered in batches {
                store.beat(&Beat { node: id, life: LIFE, sessions_max: 20, entered, left: vec![] }).await.unwrap();
            }
        }
    };
    tokio::join!(race(&one, "a"), race(&two, "b"));

    for user in [ANNA, BORIS] {
        assert_eq!(presence(&db, user).await.sessions, 20);
    }
    let closed = one.closes().await.len() + two.closes().await.len();
    assert_eq!(closed, 2 * (30 - 20));
}

#[tokio::test]
async fn telling_the_same_again_changes_nothing() {
    let db = Database::fresh().await;
    let node = Node::start(db.store()).await;
    let (stays, leaves) = (a_session(ANNA, "laptop", 60), a_session(ANNA, "phone", 60));
    let entered = vec![stays, leaves.clone()];
    for _ in 0..2 {
        node.beat(entered.clone(), vec![]).await;
        assert_eq!(presence(&db, ANNA).await.sessions, 2);
    }
    for _ in 0..2 {
        node.beat(vec![], vec![(leaves.session, ANNA)]).await;
        assert_eq!(presence(&db, ANNA).await.sessions, 1);
    }
}

#[tokio::test]
async fn an_erased_person_was_never_seen() {
    let db = Database::fresh().await;
    let node = Node::start(db.store()).await;
    let session = node.enter(ANNA, "laptop", 60).await;
    node.beat(vec![], vec![(session, ANNA)]).await;

    db.store().erase(ANNA).await.unwrap();

    assert_eq!(presence(&db, ANNA).await.last_seen_at, None);
}

/// Connects and disconnects at random, on three nodes at once, by batches as large as a node's.
async fn churn(rounds: u64, seed: u64) {
    const USERS: i64 = 2000;
    let db = Database::fresh().await;
    let nodes = [Node::start(db.store()).await, Node::start(db.store()).await, Node::start(db.store()).await];
    let lives = nodes.iter().zip(seed..).map(|(node, seed)| {
        let (store, id, mut random) = (node.store.clone(), node.id, StdRng::seed_from_u64(seed));
        async move {
            let mut open: Vec<(SessionId, UserId)> = Vec::new();
            for _ in 0..rounds {
                let entered: Vec<Entered> =
                    (0..1000).map(|_| a_session(UserId::from_row(random.random_range(1..=USERS)), "", 0)).collect();
                open.extend(entered.iter().map(|one| (one.session, one.user)));
                let ending = random.random_range(800..=1000);
                let left: Vec<_> = (0..ending).map(|_| open.swap_remove(random.random_range(0..open.len()))).collect();
                // Of one that ends before anybody was told of it, only the end is told.
                let ended: HashSet<SessionId> = left.iter().map(|(session, _)| *session).collect();
                let entered = entered.into_iter().filter(|one| !ended.contains(&one.session)).collect();
                let beat = Beat { node: id, life: Duration::from_mins(10), sessions_max: 1_000_000, entered, left };
                assert_eq!(store.beat(&beat).await.unwrap(), Heard::Close(vec![]));
            }
            open
        }
    });
    let open: Vec<(SessionId, UserId)> = futures_util::future::join_all(lives).await.concat();

    let mut expected: HashMap<UserId, i64> = (1..=USERS).map(|user| (UserId::from_row(user), 0)).collect();
    for (_, user) in open {
        *expected.get_mut(&user).unwrap() += 1;
    }
    let users: Vec<UserId> = expected.keys().copied().collect();
    let found = db.store().presence(&users).await.unwrap();
    assert_eq!(found.into_iter().map(|one| (one.user_id, one.sessions)).collect::<HashMap<_, _>>(), expected);
}

#[tokio::test]
async fn presence_is_right_after_tens_of_thousands_of_connects_and_disconnects() {
    churn(5, 1).await;
}

#[tokio::test]
#[ignore = "takes a minute: make soak"]
async fn soak_presence_is_right_after_a_million_connects_and_disconnects() {
    churn(170, 2).await;
}
