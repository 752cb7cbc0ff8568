import { expect, test } from 'vitest';
import { ChatTab, turn, withAttention } from './chat-tab.js';
import { promised, World } from './world.js';

const world = new World();
let rooms = 0;

/** A room of its own for each test. */
async function newRoom(): Promise<string> {
  rooms += 1;
  const slug = `room-${rooms}`;
  await world.owner.makeRoom(slug);
  return slug;
}

async function opened(username: string, room: string) {
  const tab = await world.signedIn(username);
  const chat = new ChatTab(tab.page);
  await chat.open(room);
  await tab.reaches('live');
  return { tab, chat };
}

test('two tabs of one user and another user see the same messages, in the same order', async () => {
  const room = await newRoom();
  const visitor = await world.visitor();
  const first = await world.tab(visitor);
  const sockets: string[] = [];
  first.page.on('websocket', (socket) => sockets.push(socket.url()));
  await first.signIn('anna');
  await first.reaches('live');
  const second = await world.tab(visitor);
  await second.reaches('live');
  const anna = [new ChatTab(first.page), new ChatTab(second.page)] as const;
  for (const chat of anna) await chat.open(room);
  const { chat: ben } = await opened('ben', room);
  const all = [...anna, ben];
  for (let n = 1; n <= 5; n += 1) {
    await Promise.all(all.map((chat, index) => chat.write(`${index}.${n}`)));
  }
  await expect.poll(() => world.api.said(room).then((said) => said.length)).toBe(15);
  const said = await world.api.said(room);
  for (const chat of all) {
    await chat.shows(said);
    await chat.allSent();
    const seqs = await chat.seqs();
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
  }
  // One for the tasks, the notifications and the chat.
  expect(sockets).toHaveLength(1);
});

test('both tabs of a user agree on what is unread, within a second of its being read', async () => {
  const room = await newRoom();
  const [first, second] = await world.twoTabs('ben');
  const reader = new ChatTab(first.page);
  const other = new ChatTab(second.page);
  await first.page.getByRole('button', { name: /^Chat/ }).click();
  await second.page.getByRole('button', { name: /^Chat/ }).click();
  await reader.hasUnread(room, 0);
  await other.hasUnread(room, 0);
  for (let n = 1; n <= 4; n += 1) await world.api.say(room, `m${n}`);
  await reader.hasUnread(room, 4);
  await other.hasUnread(room, 4);
  await reader.open(room);
  await reader.hasUnread(room, 0);
  await other.hasUnread(room, 0, promised(1_000));
  // The divider stays above what was new.
  const divided = first.page.locator('.divider + .message .body');
  expect(await divided.textContent()).toBe('m1');
});

test('only what was before somebody’s eyes is read', async () => {
  const room = await newRoom();
  const ben = await world.signedIn('ben', withAttention);
  const chat = new ChatTab(ben.page);
  await chat.open(room);
  await ben.reaches('live');
  await turn(ben.page, false);
  await world.api.say(room, 'while away');
  await chat.shows(['while away']);
  await chat.hasUnread(room, 1);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await chat.hasUnread(room, 1);
  await turn(ben.page, true);
  await chat.hasUnread(room, 0);
  expect(await ben.page.locator('.divider + .message .body').textContent()).toBe('while away');
});

test('whoever was offline has everything afterwards, in order, nothing twice, without a reload', async () => {
  const room = await newRoom();
  const { tab, chat } = await opened('anna', room);
  await chat.write('before');
  await chat.allSent();
  await tab.offline(true);
  await tab.reaches('offline', 30_000);
  await world.api.say(room, 'missed 1');
  await chat.write('written offline 1');
  await chat.write('written offline 2');
  await world.api.say(room, 'missed 2');
  await chat.shows(['before', 'written offline 1', 'written offline 2']);
  await tab.offline(false);
  await tab.reaches('live', 40_000);
  await chat.allSent();
  const said = ['before', 'missed 1', 'missed 2', 'written offline 1', 'written offline 2'];
  await chat.shows(said);
  expect(await world.api.said(room)).toEqual(said);
});

test('three messages that were written offline survive a reload, and go out in order', async () => {
  const room = await newRoom();
  const { tab, chat } = await opened('ben', room);
  await tab.offline(true);
  await tab.reaches('offline', 30_000);
  for (const body of ['one', 'two', 'three']) await chat.write(body);
  await chat.shows(['one', 'two', 'three']);
  const address = tab.page.url();
  // The page is gone before there is a connection: nothing of it can have sent them.
  await tab.page.goto('about:blank');
  expect(await world.api.said(room)).toEqual([]);
  await tab.offline(false);
  await tab.page.goto(address);
  await tab.reaches('live');
  await expect
    .poll(() => world.api.said(room), { timeout: 20_000 })
    .toEqual(['one', 'two', 'three']);
  await chat.allSent();
  await chat.shows(['one', 'two', 'three']);
});

test('what is not sent when somebody signs out is forgotten on that computer', async () => {
  const room = await newRoom();
  const { tab, chat } = await opened('ben', room);
  await chat.field.fill('x'.repeat(5_001));
  await chat.field.press('Enter');
  await tab.page.locator('.message[data-state="failed"]').waitFor();
  const kept = () =>
    tab.page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('outbox')));
  expect(await kept()).toHaveLength(1);
  await tab.signOut();
  await tab.page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await kept()).toEqual([]);
});

test('a refused message says why, and can be sent again, changed or discarded', async () => {
  const room = await newRoom();
  const { tab, chat } = await opened('anna', room);
  const tooLong = 'x'.repeat(5_001);
  await chat.write(tooLong);
  await chat.write('after it');
  const failed = tab.page.locator('.message[data-state="failed"]');
  await failed.getByText(/Not sent: .*5000/).waitFor();
  await failed.getByRole('button', { name: 'Send again' }).click();
  await failed.getByText(/Not sent: .*5000/).waitFor();
  await expect.poll(() => world.api.said(room)).toEqual(['after it']);
  await failed.getByRole('button', { name: 'Change' }).click();
  await chat.shows(['after it']);
  expect(await chat.field.inputValue()).toBe(tooLong);
  await chat.write('shorter');
  await chat.allSent();
  await chat.write(tooLong);
  await failed.getByRole('button', { name: 'Discard' }).click();
  await chat.shows(['after it', 'shorter']);
  expect(await world.api.said(room)).toEqual(['after it', 'shorter']);
});

test('hostile messages are text, and their links lead nowhere but to the web', async () => {
  const room = await newRoom();
  const hostile = [
    '<img src=x onerror=alert(1)>',
    '<script>alert(2)</script>',
    'javascript:alert(3) data:text/html,<script>alert(4)</script>',
    'https://example.org/"onmouseover="alert(5)',
    "{{constructor.constructor('alert(6)')()}} @:{'linked'} | plural",
    '\u202Egnp.exe https://bank.example@evil.example/',
  ];
  for (const body of hostile) await world.api.say(room, body);
  const { tab, chat } = await opened('anna', room);
  await chat.shows(hostile);
  await chat.write('<b>mine</b> <svg onload=alert(7)>');
  await chat.allSent();
  expect(await chat.box.locator('img, script, svg, b').count()).toBe(0);
  const links = await chat.box
    .locator('a')
    .evaluateAll((all) => all.map((each) => [each.getAttribute('href'), each.getAttribute('rel')]));
  expect(links).toEqual([['https://example.org/', 'noopener noreferrer nofollow']]);
  expect(tab.incidents).toEqual([]);
});

test('older messages come while scrolling up, and what is read stays where it is', async () => {
  const room = await newRoom();
  for (let n = 1; n <= 130; n += 1) await world.api.say(room, `message ${n}`);
  const { chat } = await opened('anna', room);
  expect(await chat.bodies()).toHaveLength(50);
  expect((await chat.bodies()).at(-1)).toBe('message 130');
  const bottom = () =>
    chat.box.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
  expect(await bottom()).toBeLessThan(5);
  const anchor = chat.message('message 81');
  const place = async () => (await anchor.boundingBox())?.y ?? NaN;
  await chat.box.evaluate((box) => box.scrollTo({ top: 60 }));
  const before = await place();
  await expect.poll(() => chat.bodies().then((all) => all.length)).toBeGreaterThanOrEqual(100);
  expect(Math.abs((await place()) - before)).toBeLessThan(40);
  // What comes meanwhile moves nothing.
  const still = await place();
  await world.api.say(room, 'live');
  await chat.message('live').waitFor({ state: 'attached' });
  expect(Math.abs((await place()) - still)).toBeLessThan(2);
  await chat.box.evaluate((box) => box.scrollTo({ top: 0 }));
  const all = [...Array.from({ length: 130 }, (_, n) => `message ${n + 1}`), 'live'];
  await chat.shows(all);
  await chat.page.getByRole('button', { name: 'To the newest messages' }).click();
  await expect.poll(bottom).toBeLessThan(5);
});

test('messages are answered, edited, deleted and reacted to, for everyone to see', async () => {
  const room = await newRoom();
  const { chat: anna } = await opened('anna', room);
  const { chat: ben } = await opened('ben', room);
  await anna.write('a question');
  await ben.shows(['a question']);
  await ben.act('a question', 'Reply');
  await ben.write('an answer');
  await anna.shows(['a question', 'an answer']);
  await anna.message('an answer').locator('blockquote', { hasText: 'a question' }).waitFor();
  await anna.act('a question', 'Edit');
  await anna.page.getByRole('textbox', { name: 'Edit message' }).fill('a better question');
  await anna.page.getByRole('button', { name: 'Save' }).click();
  await ben.shows(['a better question', 'an answer']);
  await ben.message('a better question').getByText('edited').waitFor();
  await ben.act('a better question', 'React');
  await ben.page.getByRole('button', { name: 'React with 👍' }).click();
  await anna.page.getByRole('button', { name: '👍: 1. React too' }).click();
  await ben.page.getByRole('button', { name: '👍: 2. Take yours back' }).click();
  await anna.page.getByRole('button', { name: '👍: 1. Take yours back' }).waitFor();
  await ben.act('an answer', 'Delete');
  await ben.page.getByRole('button', { name: 'Yes, delete' }).click();
  await anna.page.getByText('This message was deleted.').waitFor();
  await anna.shows(['a better question']);
});

test('the chat is used with the keyboard, and what others say is read out', async () => {
  const room = await newRoom();
  const { tab, chat } = await opened('anna', room);
  await chat.field.focus();
  await tab.page.keyboard.type('two');
  await tab.page.keyboard.press('Shift+Enter');
  await tab.page.keyboard.type('lines');
  await tab.page.keyboard.press('Enter');
  await chat.shows(['two\nlines']);
  await world.api.say(room, 'hello anna');
  await tab.page.locator('[aria-live="polite"]', { hasText: 'carla: hello anna' }).waitFor();
  await chat.box.focus();
  expect(await chat.box.getAttribute('aria-label')).toBe(`Messages of ${room}`);
});

test('a room that is made is there, with its address', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  await anna.page.getByRole('button', { name: /^Chat/ }).click();
  await anna.page.getByLabel('New room').fill('Tea & Rusks');
  await anna.page.getByRole('button', { name: 'Make room' }).click();
  const chat = new ChatTab(anna.page);
  await anna.page.locator('[data-room-open="tea-rusks"]').waitFor();
  await chat.write('Who brings the rusks?');
  await chat.allSent();
  await anna.page.reload();
  await chat.shows(['Who brings the rusks?']);
});

test('a message that is marked unread stays so, until something newer was seen', async () => {
  const room = await newRoom();
  for (let n = 1; n <= 3; n += 1) await world.api.say(room, `m${n}`);
  const { tab, chat } = await opened('anna', room);
  await expect.poll(() => world.owner.unread(room)).toBe(0);
  await chat.hasUnread(room, 0);
  await chat.act('m2', 'Mark unread');
  await chat.hasUnread(room, 2);
  const divided = tab.page.locator('.divider + .message .body');
  await expect.poll(() => divided.textContent()).toBe('m2');
  await world.api.say(room, 'm4');
  await chat.hasUnread(room, 0);
});
