use super::super::endpoint::EndpointPolicy;
use super::*;

const PROBE: Duration = Duration::from_secs(15);

const fn retry(fault: Fault, after: Option<Duration>) -> Outcome {
    Outcome::Retry { fault, after }
}

fn endpoint(host: &str) -> Endpoint {
    Endpoint::parse(&format!("https://{host}/x"), EndpointPolicy::PublicHosts).unwrap()
}

fn one() -> Endpoint {
    endpoint("one.example.org")
}

/// How long a push to this endpoint is put off; zero when it may begin.
async fn wait(origins: &Origins, endpoint: &Endpoint) -> Duration {
    match origins.admit(endpoint, PROBE).await {
        Ok(pass) => {
            drop(pass);
            Duration::ZERO
        }
        Err(PutOff(wait)) => wait,
    }
}

/// Lets a push begin and end so.
async fn comes_to(origins: &Origins, outcome: Outcome) -> Outcome {
    origins.admit(&one(), PROBE).await.unwrap().conclude(outcome)
}

/// Lets whatever the origin is closed for pass.
fn pass_time(origins: &Origins) {
    let origin = origins.origin(&one());
    let mut state = origin.lock();
    let closed = state.closed.unwrap();
    state.closed = Some(Closed { until: Instant::now(), ..closed });
}

fn is_about(wait: Duration, seconds: u64) -> bool {
    let pause = Duration::from_secs(seconds);
    wait > pause.mul_f64(0.9) && wait <= pause.mul_f64(1.0 + SPREAD)
}

#[tokio::test]
async fn a_throttled_origin_is_left_alone_for_as_long_as_it_asks_and_the_others_are_not() {
    let origins = Origins::default();

    let said = comes_to(&origins, retry(Fault::Throttled, Some(Duration::from_secs(30)))).await;

    let Outcome::Retry { fault: Fault::Throttled, after: Some(after) } = said else { panic!("{said:?}") };
    assert!(is_about(after, 30) && is_about(wait(&origins, &one()).await, 30));
    assert_eq!(wait(&origins, &endpoint("two.example.org")).await, Duration::ZERO);
    pass_time(&origins);
    assert_eq!(wait(&origins, &one()).await, Duration::ZERO);
}

#[tokio::test]
async fn one_that_does_not_say_for_how_long_is_left_alone_for_a_minute() {
    let origins = Origins::default();

    comes_to(&origins, retry(Fault::Throttled, None)).await;

    assert!(is_about(wait(&origins, &one()).await, 60));
}

#[tokio::test]
async fn what_was_under_way_does_not_end_a_pause() {
    let origins = Origins::default();
    let earlier = origins.admit(&one(), PROBE).await.unwrap();
    comes_to(&origins, retry(Fault::Throttled, Some(Duration::from_secs(30)))).await;

    earlier.conclude(Outcome::Sent);

    assert!(is_about(wait(&origins, &one()).await, 30));
}

#[tokio::test]
async fn after_ten_failures_in_a_row_one_push_at_a_time_finds_out_whether_it_is_better() {
    let origins = Origins::default();
    for _ in 0..9 {
        comes_to(&origins, retry(Fault::Timeout, None)).await;
    }
    comes_to(&origins, Outcome::Sent).await;
    for _ in 0..9 {
        comes_to(&origins, retry(Fault::ProviderError, None)).await;
    }
    comes_to(&origins, retry(Fault::Unreachable, None)).await;

    assert!(is_about(wait(&origins, &one()).await, 2));
    for seconds in [4, 8, 16, 32, 60, 60] {
        pass_time(&origins);
        let probe = origins.admit(&one(), PROBE).await.unwrap();
        assert!(is_about(wait(&origins, &one()).await, 15), "nobody goes beside the probe");
        probe.conclude(retry(Fault::Timeout, None));
        assert!(is_about(wait(&origins, &one()).await, seconds), "{seconds}");
    }
    pass_time(&origins);
    comes_to(&origins, Outcome::Sent).await;
    assert_eq!(wait(&origins, &one()).await, Duration::ZERO);
}

#[tokio::test]
async fn those_under_way_when_a_circuit_opens_do_not_open_it_further() {
    let origins = Origins::default();
    let mut under_way = Vec::new();
    for _ in 0..50 {
        under_way.push(origins.admit(&one(), PROBE).await.unwrap());
    }

    for pass in under_way {
        pass.conclude(retry(Fault::Timeout, None));
    }

    assert!(is_about(wait(&origins, &one()).await, 2));
}

#[tokio::test]
async fn one_that_hangs_holds_so_many_sends_and_no_more() {
    let origins = Origins::default();
    let mut under_way = Vec::new();
    for _ in 0..IN_FLIGHT_MAX {
        under_way.push(origins.admit(&one(), PROBE).await.unwrap());
    }

    let a_while_ago = Instant::now().checked_sub(STALL);
    origins.origin(&one()).lock().full_since = a_while_ago;

    assert!(is_about(wait(&origins, &one()).await, 15));
    assert_eq!(wait(&origins, &endpoint("two.example.org")).await, Duration::ZERO);
    under_way.pop().unwrap().conclude(Outcome::Sent);
    assert_eq!(wait(&origins, &one()).await, Duration::ZERO);
}

#[tokio::test]
async fn a_push_to_a_busy_origin_waits_for_its_turn() {
    let origins = Origins::default();
    let mut under_way = Vec::new();
    for _ in 0..IN_FLIGHT_MAX {
        under_way.push(origins.admit(&one(), PROBE).await.unwrap());
    }

    let endpoint = one();
    let (next, ()) = tokio::join!(origins.admit(&endpoint, PROBE), async { drop(under_way.pop()) });

    assert!(next.is_ok());
}

#[tokio::test]
async fn no_more_origins_are_remembered_than_the_bound() {
    let origins = Origins::default();

    for number in 0..=ORIGINS_MAX {
        assert_eq!(wait(&origins, &endpoint(&format!("{number}.example.org"))).await, Duration::ZERO);
    }

    assert_eq!(origins.0.lock().unwrap().len(), 1);
}
