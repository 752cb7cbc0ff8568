// Follows streams with server-sent events over fetch: Node 20 or newer, no packages.
//
//     node examples/node.mjs [STREAM…]
//
// The id of the last event is the place in all streams at once; sent back as Last-Event-ID it resumes them. For more than an
// example (fallbacks, acknowledgements, publishing) there is the client in sdk/js.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const url = process.env.INDABA_URL ?? 'http://127.0.0.1:8080';
const streams = process.argv.length > 2 ? process.argv.slice(2) : ['orgs/demo/notifications', 'me'];

async function signIn() {
  const password =
    process.env.INDABA_PASSWORD ??
    (await readFile(new URL('../data/demo-password', import.meta.url), 'utf8')).trim();
  const answer = await fetch(`${url}/api/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: process.env.INDABA_USER ?? 'anna', password }),
  });
  if (!answer.ok) throw new Error(`sign-in refused: ${await answer.text()}`);
  return (await answer.json()).access;
}

// The fields of one event: {event, id, data}. Lines that begin with a colon are comments.
function parse(block) {
  const fields = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
  }
  return fields;
}

async function* events(body) {
  let text = '';
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parse(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

let access = await signIn();
let cursor;
const query = new URLSearchParams(streams.map((stream) => ['stream', stream]));
for (;;) {
  let wait = 1000;
  try {
    const answer = await fetch(`${url}/api/v1/events?${query}`, {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${access}`,
        ...(cursor && { 'last-event-id': cursor }),
      },
    });
    if (answer.status === 401) {
      access = await signIn();
      continue;
    }
    if (answer.status < 500 && answer.status !== 429 && !answer.ok)
      throw Object.assign(new Error(await answer.text()), { final: true });
    if (!answer.ok) wait = 1000 * Number(answer.headers.get('retry-after') ?? 5);
    for await (const { event = 'message', id, data } of answer.ok ? events(answer.body) : []) {
      if (id) cursor = id;
      if (data === undefined) continue; // a comment, or `retry`
      if (event === 'message') console.log(data);
      else if (event === 'reset') console.log('some events are gone, fetch the state anew:', data);
      else if (event === 'goodbye') wait = JSON.parse(data).reconnect_after_ms || wait;
    }
  } catch (trouble) {
    if (trouble.final) throw trouble;
  }
  await sleep(wait * (1 + Math.random() / 2));
}
