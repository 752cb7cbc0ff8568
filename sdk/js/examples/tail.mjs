// Prints a stream's events, one a line, and goes on where it stopped when it is started again.
//
//   INDABA_PASSWORD=… node examples/tail.mjs http://127.0.0.1:8080 anna orgs/demo/notifications
import { readFile, writeFile } from 'node:fs/promises';
import { Client, UnauthenticatedError } from '@indaba/client';
import { WebSocket } from 'ws';

const [url, username, stream] = process.argv.slice(2);
const password = process.env.INDABA_PASSWORD;
if (!url || !username || !stream || !password) {
  console.error('usage: INDABA_PASSWORD=… node examples/tail.mjs URL USERNAME STREAM');
  process.exit(2);
}

async function token() {
  const answer = await fetch(`${url}/api/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  if (answer.status === 401) throw new UnauthenticatedError('wrong user name or password');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()).access;
}

const file = `.tail-${username}-${stream.replaceAll('/', '-')}.json`;
const saved = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));

const client = new Client({ url, token, WebSocket });
const subscription = client.subscribe(
  stream,
  saved ? { since: saved.seq, epoch: saved.epoch } : { last: 10 },
);
subscription.on('event', (event) => console.log(JSON.stringify(event)));
subscription.on('reset', ({ reason }) => console.error(`events are gone: ${reason}`));
subscription.on('end', ({ code, reason }) => {
  console.error(`${code} ${reason}`);
  client.close();
});
client.on('state', ({ status, transport }) => console.error(`${status} (${transport})`));
client.connect();

process.once('SIGINT', async () => {
  client.close();
  if (subscription.position) await writeFile(file, JSON.stringify(subscription.position));
});
