//! Every metric, declared once: name, kind, labels and help. Labels come from closed sets, never from ids.
//!
//! `eventcenter_<noun>_<unit>[_total]`, in base units. A test fails on a name in `grafana/` that is not here.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a metric counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution; buckets are in [`Metric::buckets`].
    Histogram,
}

/// A declared metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in Prometheus.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Its help text; labels are named in it.
    pub help: &'static str,
    /// Upper bounds, for histograms only.
    pub buckets: &'static [f64],
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $kind:ident = $text:literal, $help:literal $(, $buckets:expr)?;)+) => {
        $(
            #[doc = $help]
            pub const $name: &str = $text;
        )+

        /// Every metric there is.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $text,
            kind: Kind::$kind,
            help: $help,
            buckets: { const NONE: &[f64] = &[]; let _buckets = NONE; $(let _buckets: &[f64] = $buckets;)? _buckets },
        },)+];
    };
}

/// From a millisecond to the longest retry schedule.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0, 3600.0, 21600.0];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

metrics! {
    EMITTED: Counter = "eventcenter_emitted_total",
        "Events asked for over HTTP, by verdict: new, duplicate, conflict, busy, invalid, rejected.";
    EMIT_BATCH: Histogram = "eventcenter_emit_batch_events", "Events that one group commit stored.", SIZES;
    EMIT_QUEUE: Gauge = "eventcenter_emit_queue_events", "Events waiting for their group commit.";
    SETTLED: Counter = "eventcenter_deliveries_settled_total",
        "Tries settled, by channel, state (sent, retrying, skipped, failed, dead, canceled) and reason.";
    DUE_TO_SETTLED: Histogram = "eventcenter_delivery_seconds",
        "From when a delivery was due (for most: its emit) until it was sent, by channel.", SECONDS;
    LAG: Gauge = "eventcenter_delivery_lag_seconds", "How long the oldest due delivery has waited, by channel.";
    DEAD_LETTERS: Gauge = "eventcenter_dead_letters", "Dead letters that nobody has redriven, by channel.";
    STALE: Counter = "eventcenter_settles_stale_total",
        "Deliveries settled too late, by channel: their lease had expired, so they are sent again.";
    LEASES_EXPIRED: Counter = "eventcenter_leases_expired_total",
        "Deliveries taken back from expired leases, by channel: their worker died or hung.";
    HELD: Counter = "eventcenter_deliveries_held_total",
        "Deliveries put off to the end of somebody's quiet hours, by channel.";
    BOUNCES: Counter = "eventcenter_bounces_total",
        "Reports on our mail, by verdict: bounce or complaint (its address is suppressed), transient, forged, unreadable.";
    APPENDED: Counter = "eventcenter_stream_appended_total", "Deliveries that the appender moved into streams, or found expired.";
    DIGESTS: Counter = "eventcenter_digests_total", "Digests sealed with something in them: letters to one person each.";
    KEEPER: Gauge = "eventcenter_keeper", "1 on the process that keeps house, 0 on the others.";
    LISTENING: Gauge = "eventcenter_listening", "1 while this process hears notifications.";
    DAYS_AHEAD: Gauge = "eventcenter_partition_days_ahead", "Days after today for which partitions exist.";
    IN_DEFAULT: Gauge = "eventcenter_default_partition_events", "Events in the default partition: should be 0.";
    OLDEST_TRANSACTION: Gauge = "eventcenter_oldest_transaction_seconds",
        "How long the database's oldest transaction has been open: it holds back vacuum.";
    PUSH_ANSWERS: Counter = "eventcenter_push_answers_total",
        "What push services answered, by service (google, mozilla, apple, microsoft, other) and result: sent, or a reason.";
    PUSH_PAUSED: Gauge = "eventcenter_push_paused_origins",
        "Push services left alone by this process, by service and cause: throttled (they asked for it) or broken.";
    PUSH_ACKS: Counter = "eventcenter_push_acks_total",
        "What browsers acknowledged, by result: displayed, clicked, repeated, invalid, limited.";
    SUBSCRIPTIONS_REFUSED: Counter = "eventcenter_push_subscriptions_refused_total",
        "Browsers that get nothing until they subscribe anew: their push service refuses our key.";
    SUBSCRIPTIONS_GONE: Counter = "eventcenter_push_subscriptions_gone_total",
        "Browsers removed because their push service said that they are gone.";
    EMAIL_PAUSED: Gauge = "eventcenter_email_paused",
        "1 while every mail server refuses our login or sender: no mail fails, and none gets through.";
    EMAIL_FAILED_OVER: Counter = "eventcenter_email_failed_over_total",
        "Mails that the fall-back server took, since the first was away or did not let us in.";
    EMAIL_AMBIGUOUS: Counter = "eventcenter_email_ambiguous_total",
        "Mails whose last reply was lost, by what then follows: retry (the person may get it twice) or settle.";
    EMAIL_TEMPLATE_FAILURES: Counter = "eventcenter_email_template_failures_total",
        "Mails written by a built-in template, because the operator's own one failed on their event.";
    EMAIL_TEMPLATES_BROKEN: Gauge = "eventcenter_email_templates_broken",
        "1 while the operator's mail templates cannot be used as they are: the last good ones are.";
    WS_SESSIONS: Gauge = "eventcenter_ws_sessions", "Open sessions.";
    WS_REFUSED: Counter = "eventcenter_ws_refused_total",
        "Sockets not let in, by reason: token, ticket, origin, unchecked, request, user, node, stopping.";
    WS_BEGUN: Counter = "eventcenter_ws_begun_total",
        "Sessions welcomed, by how: resumed, fresh, or a position that was lost by retention, epoch, ahead.";
    WS_CLOSED: Counter = "eventcenter_ws_closed_total",
        "Sessions ended, by reason: client, gone, or the name of the close code.";
    WS_ERRORS: Counter = "eventcenter_ws_errors_total", "Error frames sent to clients, by code.";
    WS_FRAMES: Counter = "eventcenter_ws_frames_total", "Events sent to sessions, by kind: live or replay.";
    WS_ACKS: Counter = "eventcenter_ws_acks_total", "Cursors of devices written down.";
    WS_SEEN: Counter = "eventcenter_ws_seen_total", "Events of which a client said what its person did: displayed, read.";
    ANSWER_WAITERS: Gauge = "eventcenter_answer_waiters", "Requests of services that wait for a person's answer.";
    PRESENCE_BATCH: Histogram = "eventcenter_presence_batch_sessions",
        "Sessions whose beginning or end one statement told the database.", SIZES;
    PRESENCE_BEHIND: Gauge = "eventcenter_presence_behind_seconds",
        "How long ago this node last told the database that it lives. Beyond 5 its sessions do not count.";
    NODES_GONE: Counter = "eventcenter_nodes_gone_total",
        "Looks of the keeper that found a node gone and forgot sessions of it.";
    TICKETS: Counter = "eventcenter_ws_tickets_total", "Tickets, by result: issued, denied, redeemed, refused.";
    REVOCATIONS: Counter = "eventcenter_revocations_total", "Revocations that this process has heard of.";
    HTTP_SECONDS: Histogram = "eventcenter_http_request_seconds",
        "Time to answer, by route, method and status.", SECONDS;
}

/// Tells the recorder what each metric means.
pub fn describe() {
    for metric in ALL {
        let unit = if metric.name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}
