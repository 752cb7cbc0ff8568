import { expect, test } from 'vitest';
import { World } from './world.js';

const world = new World();

test('a status that is changed in one tab is a notification in the other', async () => {
  const anna = await world.signedIn('anna');
  const ben = await world.signedIn('ben');
  await anna.reaches('live');
  await ben.reaches('live');
  await anna.addTask('Water the plants');
  await ben.hasStatus('Water the plants', 'todo');
  await ben.choose('Water the plants', 'Done');
  await anna.hasStatus('Water the plants', 'done');
  const told = 'ben moved “Water the plants” from To do to Done';
  await anna.page.locator('.notifications').getByText(told).waitFor();
  await ben.page.locator('.notifications').getByText(told).waitFor();
  expect(await anna.seqs()).toEqual(await ben.seqs());
});

test('two tabs of one visitor are both live', async () => {
  const [first, second] = await world.twoTabs('anna');
  await first.addTask('Feed the cat');
  await second.hasStatus('Feed the cat', 'todo');
  await first.reaches('live');
});

test('whoever was offline sees exactly what was missed, in order, and nothing twice', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  const task = await world.api.createTask('Paint the fence');
  await anna.hasStatus('Paint the fence', 'todo');
  const before = await world.api.head();
  await anna.showsSeq(before);

  await anna.offline(true);
  // Noticed by the probe that follows the network's change, not by TCP.
  await anna.reaches('offline', 30_000);
  for (let n = 0; n < 10; n += 1) {
    await world.api.setStatus(task.id, n % 2 === 0 ? 'doing' : 'done');
  }
  const missed = await world.api.seqsAfter(before);
  expect(missed).toHaveLength(10);
  expect((await anna.seqs()).at(-1)).toBe(before);

  await anna.offline(false);
  await anna.reaches('live', 40_000);
  await anna.showsSeq(missed.at(-1) ?? 0);
  const seen = await anna.seqs();
  expect(seen.filter((seq) => seq > before)).toEqual(missed);
  expect(new Set(seen).size).toBe(seen.length);
  await anna.hasStatus('Paint the fence', 'done');
});

test('a server that is killed and comes back costs nobody an event', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  const task = await world.api.createTask('Fix the roof');
  await anna.showsSeq(await world.api.head());
  const before = await world.api.head();
  await world.api.setStatus(task.id, 'doing');
  await world.server.restart(() =>
    anna.page.locator('.connection:not([data-status="live"])').waitFor(),
  );
  await world.api.setStatus(task.id, 'done');
  const missed = await world.api.seqsAfter(before);
  await anna.showsSeq(missed.at(-1) ?? 0, 40_000);
  expect((await anna.seqs()).filter((seq) => seq > before)).toEqual(missed);
});

test('a change that the server cannot take is taken back with a reason', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  await anna.addTask('Sweep the yard');
  await anna.hasStatus('Sweep the yard', 'todo');
  await anna.page.route('**/api/v1/orgs/demo/tasks/*', (route) => route.abort());
  await anna.choose('Sweep the yard', 'Doing');
  await anna.page.getByText('Not saved: the server cannot be reached').waitFor();
  await anna.hasStatus('Sweep the yard', 'todo');
});
