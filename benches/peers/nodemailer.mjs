// nodemailer 10, measured for `make bench`. Prints one number: mails a second, over a pool that reuses its connections.
//   node nodemailer.mjs PORT MAILS CONNECTIONS FROM TO FILE
import { readFileSync } from 'node:fs'
import { createTransport } from 'nodemailer'

const [port, mails, maxConnections] = process.argv.slice(2, 5).map(Number)
const [from, to, file] = process.argv.slice(5)
const raw = readFileSync(file)
const transport = createTransport({ host: '127.0.0.1', port, pool: true, maxConnections, maxMessages: Infinity, ignoreTLS: true })

let left = mails
const sender = async () => {
    while (left-- > 0) await transport.sendMail({ envelope: { from, to: [to] }, raw })
}
const began = performance.now()
await Promise.all(Array.from({ length: maxConnections }, sender))
console.log(mails / ((performance.now() - began) / 1000))
transport.close()
