// Decrypts push messages with npm's http_ece: JSON lines in, base64url lines out.
//   {"private_key", "auth", "body"}, each as base64url without padding

const { createECDH } = require('node:crypto');
const { createInterface } = require('node:readline');
const ece = require('http_ece');

createInterface({ input: process.stdin }).on('line', (line) => {
  const { private_key: scalar, auth, body } = JSON.parse(line);
  const privateKey = createECDH('prime256v1');
  privateKey.setPrivateKey(scalar, 'base64url');
  const plaintext = ece.decrypt(Buffer.from(body, 'base64url'), { version: 'aes128gcm', privateKey, authSecret: auth });
  console.log(plaintext.toString('base64url'));
});
