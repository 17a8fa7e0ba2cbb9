use std::net::TcpListener;

use eventcenter_core::delivery::{Fault, Ruling};
use eventcenter_core::event::{Event, Level, PublicId};
use eventcenter_core::id::{EventId, LeaseId, UserId};
use eventcenter_core::retry::Timing;
use uuid::Uuid;

use jiff::Timestamp;

use super::attempt::{Parcel, ttl};
use super::endpoint::PushService;
use super::payload::Size;
use super::*;

fn config(key: VapidKey, endpoint_policy: EndpointPolicy) -> PushConfig {
    PushConfig {
        keys: VapidKeys::new(key, Vec::new()),
        subject: Subject::parse("mailto:ops@example.org").unwrap(),
        app_url: "https://app.example.org".parse().unwrap(),
        endpoint_policy,
        fixed_hosts: FixedHosts::new(),
        extra_ca_pem: None,
        timeout: Duration::from_secs(10),
    }
}

fn push(endpoint_policy: EndpointPolicy) -> (Push, String) {
    let key = VapidKey::generate().unwrap();
    let id = key.id().to_owned();
    (Push::new(config(key, endpoint_policy)).unwrap(), id)
}

fn message(contact: Contact) -> Message {
    let id = EventId::from_row(Uuid::from_u128(7));
    Message {
        lease: LeaseId::from_row(1),
        attempt: 1,
        event: Box::new(Event {
            id,
            key: PublicId::Id(id),
            user_id: UserId::from_row(42),
            kind: "job.done".to_owned(),
            title: "Ready".to_owned(),
            body: String::new(),
            level: Level::Info,
            cta: None,
            data: None,
            deliver_at: None,
            expires_at: None,
            collapse_key: None,
            created_at: Timestamp::UNIX_EPOCH,
        }),
        timing: Timing::default(),
        lag: Duration::ZERO,
        ruling: Ruling::Send,
        was_sent: false,
        contact,
    }
}

fn browser(endpoint: &str, vapid_key_id: &str) -> Subscription {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    // RFC 8291, appendix A.
    let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    Subscription {
        id: Uuid::from_u128(1),
        endpoint: endpoint.to_owned(),
        p256dh: BASE64.decode(p256dh).unwrap(),
        auth: BASE64.decode("BTBZMqHH6r4Tts7J_aSIgg").unwrap(),
        vapid_key_id: vapid_key_id.to_owned(),
        updated_at: Timestamp::UNIX_EPOCH,
        ttl: Duration::from_hours(1),
    }
}

async fn outcomes(push: &Push, targets: Vec<Subscription>) -> Vec<Outcome> {
    let report = push.deliver(&message(Contact::Push(targets))).await;
    report.tries.into_iter().map(|one| one.outcome).collect()
}

fn has_been_dialled(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_ok()
}

#[tokio::test]
async fn a_person_without_browsers_is_skipped() {
    let (push, _) = push(EndpointPolicy::KnownServices);

    let report = push.deliver(&message(Contact::Push(Vec::new()))).await;

    assert_eq!(report, Try::overall(Outcome::Skipped(Skip::NoSubscription)).into());
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let (push, key) = push(EndpointPolicy::Loopback);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let report = push.deliver(&message(Contact::Push(vec![browser(&format!("https://{free}/x"), &key)]))).await;

    let [one] = &report.tries[..] else { panic!("{report:?}") };
    assert_eq!(one.outcome, Outcome::Retry { fault: Fault::Unreachable, after: None });
    assert_eq!((one.target.as_str(), &one.code), ("00000000-0000-0000-0000-000000000001", &None));
}

#[tokio::test]
async fn an_endpoint_that_the_policy_refuses_is_never_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();

    for policy in [EndpointPolicy::KnownServices, EndpointPolicy::PublicHosts] {
        let (push, key) = push(policy);
        let targets = [address.to_string(), format!("localhost:{}", address.port())]
            .map(|host| browser(&format!("https://{host}/x"), &key));

        assert_eq!(outcomes(&push, targets.into()).await, [Outcome::Failed(Fault::BadTarget); 2]);
    }

    assert!(!has_been_dialled(&listener));
    // The same endpoint is dialled where it is allowed, so the listener would have noticed.
    listener.set_nonblocking(false).unwrap();
    let hangs_up = std::thread::spawn(move || listener.accept().is_ok());
    let (push, key) = push(EndpointPolicy::Loopback);
    let target = browser(&format!("https://{address}/x"), &key);
    assert_eq!(outcomes(&push, vec![target]).await, [Outcome::Retry { fault: Fault::Unreachable, after: None }]);
    assert!(hangs_up.join().unwrap());
}

#[tokio::test]
async fn a_push_service_that_never_answers_is_given_up_and_asked_again_later() {
    // The system accepts for it, and nobody reads what comes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let key = VapidKey::generate().unwrap();
    let target = browser(&format!("https://{}/x", listener.local_addr().unwrap()), key.id());
    let config = PushConfig { timeout: Duration::from_millis(50), ..config(key, EndpointPolicy::Loopback) };
    let push = Push::new(config).unwrap();

    assert_eq!(outcomes(&push, vec![target]).await, [Outcome::Retry { fault: Fault::Timeout, after: None }]);
}

#[tokio::test]
async fn a_name_that_leads_home_is_not_dialled_either() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let key = VapidKey::generate().unwrap();
    let id = key.id().to_owned();
    // As if a public name had been pointed here after it was subscribed.
    let fixed_hosts = FixedHosts::from([("rebind.example.org".to_owned(), address)]);
    let config = PushConfig { fixed_hosts, ..config(key, EndpointPolicy::PublicHosts) };
    let push = Push::new(config).unwrap();

    let target = browser("https://rebind.example.org/x", &id);

    assert_eq!(outcomes(&push, vec![target]).await, [Outcome::Failed(Fault::BadTarget)]);
    assert!(!has_been_dialled(&listener));
}

#[tokio::test]
async fn one_bad_target_does_not_spoil_the_others() {
    let (push, key) = push(EndpointPolicy::Loopback);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let good = browser(&format!("https://{free}/x"), &key);
    let off_curve = Subscription { p256dh: vec![4; 65], ..good.clone() };
    let of_a_lost_key = Subscription { vapid_key_id: "lost".to_owned(), ..good.clone() };

    assert_eq!(
        outcomes(&push, vec![off_curve, of_a_lost_key, good]).await,
        [
            Outcome::Failed(Fault::BadTarget),
            Outcome::Retry { fault: Fault::Unauthorized, after: None },
            Outcome::Retry { fault: Fault::Unreachable, after: None },
        ]
    );
}

#[tokio::test]
async fn a_push_carries_the_headers_that_push_services_want() {
    let (push, key) = push(EndpointPolicy::KnownServices);
    let message = message(Contact::None);
    let notice = Notice::of(&message);
    let target = browser("https://fcm.googleapis.com/fcm/send/abc", &key);

    let endpoint = Endpoint::parse(&target.endpoint, EndpointPolicy::KnownServices).unwrap();
    let authorization = push.authorizations.header(&key, endpoint.origin(), Timestamp::now()).unwrap();

    let request = push
        .request(Parcel { notice: &notice, target: &target, endpoint: &endpoint }, Size::Whole, authorization)
        .unwrap();

    let request = request.build().unwrap();
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((request.method().as_str(), request.url().as_str()), ("POST", target.endpoint.as_str()));
    assert_eq!((header("ttl"), header("urgency")), ("3600", "normal"));
    assert_eq!(header("topic"), payload::tag(&message.event));
    assert_eq!(header("content-encoding"), "aes128gcm");
    assert!(header("authorization").starts_with("vapid t="));
}

#[test]
fn the_time_to_live_stays_within_what_push_services_take() {
    let year = Duration::from_hours(365 * 24);

    assert_eq!(ttl(Duration::from_secs(90), PushService::Google), Duration::from_secs(90));
    assert_eq!(ttl(year, PushService::Google), TTL_MAX);
    assert_eq!(ttl(Duration::from_millis(500), PushService::Mozilla).as_secs(), 0);
    assert_eq!(ttl(Duration::from_millis(500), PushService::Microsoft).as_secs(), 1);
}

#[test]
fn an_app_url_that_nobody_can_click_is_refused() {
    for wrong in ["file:///app", "mailto:ops@example.org"] {
        let config = config(VapidKey::generate().unwrap(), EndpointPolicy::KnownServices);
        let config = PushConfig { app_url: wrong.parse().unwrap(), ..config };

        assert!(matches!(Push::new(config), Err(PushSetupError::AppUrl(_))), "{wrong}");
    }
}
