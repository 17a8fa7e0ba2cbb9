// pg-boss 12, measured for `make bench`. Prints one number: jobs a second.
//   DATABASE_URL=… node pg-boss.mjs send SECONDS IN_FLIGHT    single sends, so many at a time
//   DATABASE_URL=… node pg-boss.mjs drain JOBS BATCH          fetch and complete by batches, the jobs being there already
import { PgBoss } from 'pg-boss'

const [mode, amount, width] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const QUEUE = 'notifications'
/** One loop fetches while the other completes; a third gains nothing on two cores. */
const LOOPS = 2
/** A pool as large as what is in flight is faster than the default of 10 by a fifth. */
const CONNECTIONS = 64

const payload = (user) => ({
    user_id: user,
    type: 'job.done',
    title: 'Your photo is ready',
    body: 'The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.',
})

async function send(boss, seconds, inFlight) {
    const end = performance.now() + seconds * 1000
    let sent = 0
    const sender = async () => {
        while (performance.now() < end) {
            await boss.send(QUEUE, payload(1 + (sent % 10_000)))
            sent += 1
        }
    }
    await Promise.all(Array.from({ length: inFlight }, sender))
    return sent
}

async function fill(boss, jobs) {
    for (let first = 0; first < jobs; first += 10_000) {
        const length = Math.min(10_000, jobs - first)
        await boss.insert(QUEUE, Array.from({ length }, (_, i) => ({ data: payload(1 + i) })))
    }
    await boss.getDb().executeSql('vacuum analyze')
    await boss.getDb().executeSql('checkpoint')
}

async function drain(boss, jobs, batchSize) {
    let left = jobs
    const worker = async () => {
        while (left > 0) {
            const batch = await boss.fetch(QUEUE, { batchSize })
            if (batch.length === 0) return
            await boss.complete(QUEUE, batch.map((job) => job.id))
            left -= batch.length
        }
    }
    await Promise.all(Array.from({ length: LOOPS }, worker))
    if (left !== 0) throw new Error(`pg-boss left ${left} of ${jobs} jobs`)
    return jobs
}

const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS, schedule: false })
boss.on('error', console.error)
await boss.start()
await boss.createQueue(QUEUE)
if (mode === 'drain') await fill(boss, amount)
const began = performance.now()
const done = await (mode === 'drain' ? drain : send)(boss, amount, width)
console.log(done / ((performance.now() - began) / 1000))
await boss.stop({ graceful: false })
