//! What happens around the clients.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgTransaction};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{Client, Nodes, Transport};
use crate::support::events::json_with;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::sql::insert;

/// What a run does, one after the other.
pub(super) const STEPS: usize = 120;
/// Much longer than a run's end takes: only a loss needs it.
const DEADLINE: Duration = Duration::from_mins(1);
const USERS: i64 = 3;
const NODES: usize = 2;
/// Transactions of services that are open at the same time.
const OPEN_MAX: usize = 4;
const TRANSPORTS: [Transport; 4] = [Transport::Whole, Transport::Events, Transport::Plain, Transport::Whole];

pub(super) struct World<'a> {
    installation: &'a Installation,
    random: StdRng,
    servers: Vec<Server<'a>>,
    nodes: Nodes,
    clients: JoinSet<(i64, Vec<String>)>,
    /// For each person: how many events their stream has in the end.
    goals: Vec<watch::Sender<Option<usize>>>,
    open: Vec<(PgTransaction<'static>, Vec<String>)>,
    /// What every stream must hold in the end, in any order.
    committed: Vec<String>,
    begun: usize,
}

impl<'a> World<'a> {
    pub(super) async fn begin(installation: &'a Installation, random: StdRng) -> Self {
        let mut servers = Vec::new();
        for _ in 0..NODES {
            servers.push(serve(installation).await);
        }
        let nodes = Nodes::default();
        let (open, committed) = (Vec::new(), Vec::new());
        let mut world = Self {
            installation,
            random,
            servers,
            nodes,
            clients: JoinSet::new(),
            goals: Vec::new(),
            open,
            committed,
            begun: 0,
        };
        world.tell_nodes();
        for user in 1..=USERS {
            let (goal, goals) = watch::channel(None);
            world.goals.push(goal);
            for (device, transport) in TRANSPORTS.into_iter().enumerate() {
                world.clients.spawn(
                    Client {
                        transport,
                        user,
                        device: format!("d{device}"),
                        token: installation.token(user),
                        nodes: Nodes::clone(&world.nodes),
                        goal: goals.clone(),
                        random: StdRng::seed_from_u64(world.random.random()),
                        has: Vec::new(),
                        resume: None,
                    }
                    .follow(),
                );
            }
        }
        world
    }

    pub(super) async fn step(&mut self) {
        match self.random.random_range(0..40) {
            0..=13 => self.emit().await,
            14..=22 => self.insert().await,
            23..=29 => self.end_transaction().await,
            30..=32 => self.cut_listeners().await,
            33 => self.kill_node().await,
            34 => self.stop_node().await,
            _ => {
                // Time in which nothing new happens, so that sessions go live.
                let pause = Duration::from_millis(self.random.random_range(0..100));
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Ends what is open and waits until every client has everything.
    pub(super) async fn end(mut self) {
        while !self.open.is_empty() {
            self.end_transaction().await;
        }
        let waiting = "select count(*) from eventcenter.deliveries where channel = 'ws'";
        eventually(DEADLINE, || async { (self.installation.db.count(waiting).await == 0).then_some(()) }).await;
        let mut streams = Vec::new();
        for user in 1..=USERS {
            streams.push(self.stream(user).await);
        }
        let mut told: Vec<String> = streams.concat();
        told.sort();
        self.committed.sort();
        assert_eq!(told, self.committed, "what was committed is what was told");
        for (goal, stream) in self.goals.iter().zip(&streams) {
            goal.send_replace(Some(stream.len()));
        }
        let all = async {
            while let Some(client) = self.clients.join_next().await {
                let (user, has) = client.unwrap();
                assert_eq!(has, streams[usize::try_from(user - 1).unwrap()]);
            }
        };
        tokio::time::timeout(DEADLINE, all).await.unwrap();
    }

    /// A person's stream, as the database has it: from 1 to its end, without a hole.
    async fn stream(&self, user: i64) -> Vec<String> {
        let stream = "select i.seq, e.key from eventcenter.inbox as i
            join eventcenter.events as e on e.id = i.event_id where i.user_id = $1 order by i.seq";
        let stream: Vec<(i64, String)> =
            sqlx::query_as(stream).bind(user).fetch_all(self.installation.db.pool()).await.unwrap();
        assert!(stream.iter().zip(1..).all(|((seq, _), wanted)| *seq == wanted), "{stream:?}");
        stream.into_iter().map(|(_, key)| key).collect()
    }

    fn an_event(&mut self) -> (String, Value) {
        self.begun += 1;
        let key = format!("event-{}", self.begun);
        let padding = "x".repeat(self.random.random_range(0..2000));
        let user = self.random.random_range(1..=USERS);
        (key.clone(), json_with(user, &json!({"id": key, "title": key, "body": padding, "channels": ["ws"]})))
    }

    fn some_events(&mut self) -> (Vec<String>, Vec<Value>) {
        let count = self.random.random_range(1..=8);
        (0..count).map(|_| self.an_event()).unzip()
    }

    /// By HTTP, again and again under the same names, until a node says that they are stored.
    async fn emit(&mut self) {
        let (keys, events) = self.some_events();
        eventually(DEADLINE, || async {
            let node = self.nodes.lock().unwrap().first().cloned()?;
            let call = request(Method::POST, &format!("{node}/events")).bearer_auth(&self.installation.service_key);
            let answer = Answer::try_to(call.json(&events)).await.ok()?;
            (answer.status == 202).then_some(())
        })
        .await;
        self.committed.extend(keys);
    }

    /// In a transaction of a service that stays open beside others.
    async fn insert(&mut self) {
        let (keys, events) = self.some_events();
        if self.open.len() < OPEN_MAX {
            self.open.push((self.installation.db.pool().begin().await.unwrap(), Vec::new()));
        }
        let index = self.random.random_range(0..self.open.len());
        let (transaction, inserted) = &mut self.open[index];
        for event in events {
            transaction.execute(AssertSqlSafe(insert(&event))).await.unwrap();
        }
        inserted.extend(keys);
    }

    async fn end_transaction(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let (transaction, inserted) = self.open.swap_remove(self.random.random_range(0..self.open.len()));
        if self.random.random_bool(0.3) {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
            self.committed.extend(inserted);
        }
    }

    async fn cut_listeners(&self) {
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and query ilike 'listen%'";
        self.installation.db.pool().execute(cut).await.unwrap();
    }

    async fn kill_node(&mut self) {
        let index = self.random.random_range(0..NODES);
        let server = self.servers.swap_remove(index);
        self.tell_nodes();
        server.kill9();
        self.replace_node().await;
    }

    async fn stop_node(&mut self) {
        let index = self.random.random_range(0..NODES);
        let server = self.servers.swap_remove(index);
        self.tell_nodes();
        server.stop();
        self.replace_node().await;
        assert!(server.ended().await.success(), "{}", server.log());
    }

    async fn replace_node(&mut self) {
        self.servers.push(serve(self.installation).await);
        self.tell_nodes();
    }

    fn tell_nodes(&mut self) {
        *self.nodes.lock().unwrap() = self.servers.iter().map(|server| server.url("")).collect();
    }
}

async fn serve(installation: &Installation) -> Server<'_> {
    installation.serve_with(&[("EVENTCENTER_ONLY", "api,ws,stream"), ("EVENTCENTER_DRAIN_TIME", "1s")]).await
}
