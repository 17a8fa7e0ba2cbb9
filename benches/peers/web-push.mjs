// web-push 3, measured for `make bench`. Prints one number: messages per second of CPU time.
//   node web-push.mjs encrypt|send JOB        JOB is JSON: see `Job` in benches/src/push.rs
import https from 'node:https'
import webPush from 'web-push'

const [mode, job] = [process.argv[2], JSON.parse(process.argv[3])]
const subscription = { endpoint: job.endpoint, keys: { p256dh: job.p256dh, auth: job.auth } }
const options = {
    TTL: 60,
    contentEncoding: 'aes128gcm',
    vapidDetails: { subject: job.subject, publicKey: job.public_key, privateKey: job.private_key },
    agent: new https.Agent({ keepAlive: true, maxSockets: job.at_once }),
}

let left = job.messages
const sender = async () => {
    while (left-- > 0) await webPush.sendNotification(subscription, job.payload, options)
}

const before = process.cpuUsage()
if (mode === 'encrypt') {
    while (left-- > 0) webPush.generateRequestDetails(subscription, job.payload, options)
} else {
    await Promise.all(Array.from({ length: job.at_once }, sender))
}
const { user, system } = process.cpuUsage(before)
console.log((job.messages * 1e6) / (user + system))
process.exit()
