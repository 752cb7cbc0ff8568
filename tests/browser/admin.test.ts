import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { World } from './world.js';

const world = new World();
const run = promisify(execFile);

/** Enough for progress, which is told once a second, to be told on the way. */
const messages = 100_000;

/** More than could be sent: written while the server is down. */
async function fill(room: string, messages: number): Promise<void> {
  const statements = [
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${messages}) INSERT INTO messages (room_id,
     author_id, seq, number, body, created_at) SELECT r.id, (SELECT min(id) FROM users), i, i, 'message ' || i, i FROM n, rooms r
     WHERE r.slug = '${room}'`,
    `UPDATE rooms SET messages = ${messages} WHERE slug = '${room}'`,
  ];
  const script =
    'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as d:\n for s in sys.argv[2:]: d.execute(s)';
  await world.server.restart(async () => {
    await run('/usr/bin/python3', ['-c', script, world.server.database, ...statements]);
  });
}

test('what somebody has exported elsewhere appears in a list that was empty', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  await anna.page.getByRole('button', { name: 'Administration' }).click();
  await anna.page.getByText('Nothing was exported in the last week.').waitFor();
  await world.owner.export('tasks_csv');
  const row = anna.page.locator('.exports li[data-export]').first();
  await row.getByRole('link', { name: /^Download/ }).waitFor();
});

test('an admin starts an export, sees how far it is, and downloads it', async () => {
  await world.owner.makeRoom('exported');
  await fill('exported', messages);
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  await anna.page.getByRole('button', { name: 'Administration' }).click();
  await anna.page.getByRole('combobox', { name: 'What to export' }).selectOption('messages_jsonl');
  // Everything that the bar showed.
  await anna.page.evaluate(() => {
    const seen: number[] = [];
    Object.assign(window, { seen });
    new MutationObserver(() => {
      const bar = document.querySelector<HTMLProgressElement>('[data-export] progress');
      if (bar && seen.at(-1) !== bar.value) seen.push(bar.value);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await anna.page.getByRole('button', { name: 'Export', exact: true }).click();
  const exported = anna.page.locator('.exports li[data-export]');
  const row = exported.filter({ hasText: 'Messages' }).first();
  const link = row.getByRole('link', { name: /^Download/ });
  await link.waitFor({ timeout: 120_000 });
  const seen = await anna.page.evaluate(() => (window as unknown as { seen: number[] }).seen);
  expect(seen.filter((value) => value > 0 && value < 100).length).toBeGreaterThan(0);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(await row.locator('progress').count()).toBe(0);
  const [download] = await Promise.all([anna.page.waitForEvent('download'), link.click()]);
  expect(download.suggestedFilename()).toMatch(/^demo-messages-\d+\.jsonl$/);
  const stream = await download.createReadStream();
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const lines = text.trimEnd().split('\n');
  const bodies = new Set(lines.map((line) => (JSON.parse(line) as { body: string }).body));
  for (let n = 1; n <= messages; n += 1) expect(bodies.has(`message ${n}`)).toBe(true);
  // The job stands in the other list.
  await anna.page.getByRole('button', { name: 'Refresh' }).click();
  await anna.page.locator('[data-job] [data-status="done"]').first().waitFor();
});

test('what another admin exports is seen to run and to end, and so is its job', async () => {
  await world.owner.makeRoom('much');
  await fill('much', messages); // with those above, long enough to be read again on the way
  await world.owner.setRole('carla', 'admin');
  const carla = await world.signedIn('carla');
  await carla.reaches('live');
  const number = await world.owner.startExport('messages_jsonl');
  await carla.page.getByRole('button', { name: 'Administration' }).click();
  const row = carla.page.locator(`[data-export="${number}"]`);
  // It runs, and nobody told how far it is.
  expect(await row.locator('progress').getAttribute('value')).toBeNull();
  const job = carla.page.locator(`[data-job="${number}"]`);
  await job
    .locator('.note')
    .getByText(/^\d+ of \d+$/)
    .waitFor();
  const share = () => job.locator('progress').getAttribute('value');
  await expect.poll(share, { timeout: 10_000 }).toMatch(/^[1-9]/);
  await row.getByRole('link', { name: /^Download/ }).waitFor({ timeout: 120_000 });
  await job.locator('[data-status="done"]').waitFor();
  expect(await carla.page.locator('progress').count()).toBe(0);
});

test('a job that runs is cancelled, and run again', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  const number = await world.owner.startExport('messages_jsonl');
  await anna.page.getByRole('button', { name: 'Administration' }).click();
  const job = anna.page.locator(`[data-job="${number}"]`);
  await job.getByRole('button', { name: 'Cancel' }).click();
  await job.locator('[data-status="cancelled"]').waitFor();
  await anna.page.locator(`[data-export="${number}"]`).getByText('cancelled').waitFor();
  await job.getByRole('button', { name: 'Run again' }).click();
  await job.locator('[data-status="done"]').waitFor({ timeout: 120_000 });
});

test('jobs go on beyond the first page', async () => {
  for (let n = 0; n < 51; n += 1) await world.owner.export('audit_jsonl');
  const anna = await world.signedIn('anna');
  await anna.page.getByRole('button', { name: 'Administration' }).click();
  const rows = anna.page.locator('[data-job]');
  const more = anna.page.getByRole('button', { name: 'Older ones' });
  await more.waitFor();
  expect(await rows.count()).toBe(50);
  await more.click();
  await more.waitFor({ state: 'detached' });
  expect(await rows.count()).toBeGreaterThan(50);
});

test('another member has no such page, and cannot download it', async () => {
  const url = await world.owner.export('tasks_csv');
  const ben = await world.signedIn('ben');
  await ben.reaches('live');
  expect(await ben.page.getByRole('button', { name: 'Administration' }).count()).toBe(0);
  await ben.page.evaluate(() => (location.hash = 'admin'));
  await ben.page.getByRole('heading', { name: 'Tasks' }).waitFor();
  const status = (path: string) => ben.page.evaluate((p) => fetch(p).then((r) => r.status), path);
  expect(await status(url)).toBe(403);
  expect(await status(url.replace('/download', ''))).toBe(403);
});
