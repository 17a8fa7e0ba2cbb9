//! 100,000 browsers of 5 push services: three are well, one throttles, one hangs. What is for the three must not notice, and
//! what is for the other two must arrive once they have recovered. One round: it takes a minute or two.

use std::time::Instant;

use eventcenter_core::delivery::Channel;
use eventcenter_workers::worker::WorkerSettings;

use crate::drain::{all_settled, work};
use crate::engine::LOOK;
use crate::report::{Row, Samples, Target};
use crate::server::Server;
use crate::sink::Sink;
use crate::{Args, Result};

const PEOPLE: u32 = 100_000;
const WELL: usize = 3;
const MANNERS: [&str; 5] = ["well", "well", "well", "throttled", "hanging"];
/// Those whose service is well.
const OF_WELL: u32 = PEOPLE / 5 * 3;

pub(crate) async fn measure(args: &Args, server: &Server) -> Result<Vec<Row>> {
    let [mut alone, mut beside] = [const { Samples::new() }; 2];
    alone.add(f64::from(OF_WELL) / well_alone(args, server).await?);
    let (seconds, taken) = well_beside_others(args, server).await?;
    beside.add(f64::from(OF_WELL) / seconds);
    let title = "push, 3 services beside 2 that do not work";
    Ok(vec![
        Row::against(title, &beside, "the 3 alone", &alone, Target::Times(0.8)),
        Row::alone("push, lost of 100,000", "", f64::from(PEOPLE) - taken, Target::AtMost(0.0)),
    ])
}

/// The seconds until the three have all of theirs, when there is nobody else.
async fn well_alone(args: &Args, server: &Server) -> Result<f64> {
    let mut sink = Sink::start(args, &["well"; WELL]).await?;
    let (url, store) = Sink::filled(server, OF_WELL, &sink.origins()).await?;
    let (push, began) = (sink.channel()?, Instant::now());
    let mut seconds = f64::NAN;
    let all_taken = async {
        until(&mut sink, OF_WELL, WELL).await?;
        seconds = began.elapsed().as_secs_f64();
        Ok(())
    };
    work(&store, push, WorkerSettings::of(Channel::Push), all_taken).await?;
    store.close().await;
    all_settled(&url, OF_WELL).await?;
    Ok(seconds)
}

/// The same beside the two others, and how many all five have taken in the end.
async fn well_beside_others(args: &Args, server: &Server) -> Result<(f64, f64)> {
    let mut sink = Sink::start(args, &MANNERS).await?;
    let (url, store) = Sink::filled(server, PEOPLE, &sink.origins()).await?;
    let (push, began) = (sink.channel()?, Instant::now());
    let (mut seconds, mut taken) = (f64::NAN, 0);
    let all_taken = async {
        until(&mut sink, OF_WELL, WELL).await?;
        seconds = began.elapsed().as_secs_f64();
        sink.recover().await?;
        taken = until(&mut sink, PEOPLE, MANNERS.len()).await?;
        Ok(())
    };
    work(&store, push, WorkerSettings::of(Channel::Push), all_taken).await?;
    store.close().await;
    all_settled(&url, PEOPLE).await?;
    Ok((seconds, f64::from(taken)))
}

/// Waits until the first ports have taken so many messages together; how many it were.
async fn until(sink: &mut Sink, messages: u32, ports: usize) -> Result<u32> {
    loop {
        let taken = sink.counts().await?.iter().take(ports).sum();
        if taken >= messages {
            return Ok(taken);
        }
        tokio::time::sleep(LOOK).await;
    }
}
