// graphile-worker 0.18, measured for `make bench`. Prints one number: jobs a second, from start to the last one deleted.
//   DATABASE_URL=… node graphile-worker.mjs JOBS
import { Logger, WorkerPreset, run, runMigrations } from 'graphile-worker'
import pg from 'pg'

/** The fastest of 4, 24 and 100 with a local queue of 500: no job waits for anything. */
const CONCURRENCY = 24

const jobs = Number(process.argv[2])
const connectionString = process.env.DATABASE_URL
const preset = {
    extends: [WorkerPreset],
    worker: {
        connectionString,
        concurrentJobs: CONCURRENCY,
        maxPoolSize: CONCURRENCY + 2,
        // The settings that its own documentation measures as the fastest.
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        logger: new Logger(() => () => {}),
    },
}

async function fill(client) {
    await client.query(`
        select graphile_worker.add_jobs(array(
            select row('notify', json_build_object(
                'user_id', n, 'type', 'job.done', 'title', 'Your photo is ready',
                'body', 'The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.'
            ), null, null, null, null, null, null)::graphile_worker.job_spec
            from generate_series($1::int, $2::int) as n
        ))`, [1, jobs])
    await client.query('vacuum analyze')
    await client.query('checkpoint')
}

await runMigrations({ preset })
const client = new pg.Client({ connectionString })
await client.connect()
await fill(client)

let begun = 0
let allBegun
const drained = new Promise((resolve) => { allBegun = resolve })
const notify = () => { if (++begun === jobs) allBegun() }

const began = performance.now()
const runner = await run({ preset, taskList: { notify } })
await drained
await runner.stop()
const seconds = (performance.now() - began) / 1000
const { rows: [{ left }] } = await client.query('select count(*)::int as left from graphile_worker._private_jobs')
if (left !== 0) throw new Error(`graphile-worker left ${left} of ${jobs} jobs`)
console.log(jobs / seconds)
await client.end()
process.exit()
