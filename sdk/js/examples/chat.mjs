// Reads and writes a room: what comes is printed, and each line of standard input is a message. What is typed while there
// is no connection is sent, in order, when there is one.
//
//   INDABA_PASSWORD=… node examples/chat.mjs http://127.0.0.1:8080 anna demo general
import { createInterface } from 'node:readline';
import { Chat, Client, UnauthenticatedError } from '@indaba/client';
import { WebSocket } from 'ws';

const [url, username, org, slug] = process.argv.slice(2);
const password = process.env.INDABA_PASSWORD;
if (!url || !username || !org || !slug || !password) {
  console.error('usage: INDABA_PASSWORD=… node examples/chat.mjs URL USERNAME ORG ROOM');
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

const client = new Client({ url, token, WebSocket });
const chat = new Chat(client, { org, me: await client.call('GET', 'me') });
const room = chat.room(slug);

room.on('message', ({ seq, author, body }) => {
  console.log(`${author.username}: ${body}`);
  room.seen(seq);
});
room.on('end', ({ code, reason }) => {
  console.error(`${code} ${reason}`);
  process.exit(1);
});
client.on('state', ({ status }) => console.error(`(${status})`));
chat.start();
room.open();
client.connect();

const sent = [];
for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') continue;
  const { outcome } = room.send(line);
  sent.push(
    outcome.then(({ status, error }) => {
      if (status === 'failed') console.error(`not sent: ${error.message}`);
    }),
  );
}

// The end of the input: what waits goes out first.
await Promise.all(sent);
console.error(client.metrics());
chat.stop();
client.close();
