import { expect, test } from 'vitest';
import { World } from './world.js';

const world = new World();

const hostile = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(2)</script>',
  '"><svg onload=alert(3)>',
  "{{constructor.constructor('alert(4)')()}}",
  'javascript:alert(5)',
  "@:{'linked'} {named} | plural %{percent}",
  '\u202Egnp.exe',
];

test('hostile titles are text, in the list and in the notifications', async () => {
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  for (const title of hostile) {
    const task = await world.api.createTask(title);
    await world.api.setStatus(task.id, 'done');
    const shown = anna.page.locator(`[data-task="${task.id}"] .title`);
    await shown.waitFor();
    expect(await shown.textContent()).toBe(title);
    await anna.showsSeq(await world.api.head());
  }
  await anna.page.reload();
  await anna.reaches('live');
  const last = anna.page.locator('.tasks .title').last();
  await last.waitFor();
  expect(await last.textContent()).toBe(hostile.at(-1));
  expect(await anna.page.locator('main img, main script, main svg').count()).toBe(0);
  expect(anna.incidents).toEqual([]);
});

test('the page comes with a strict content policy', async () => {
  const { headers } = await fetch(world.server.url);
  const policy = headers.get('content-security-policy') ?? '';
  for (const part of [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]) {
    expect(policy).toContain(part);
  }
  expect(policy).not.toContain('unsafe');
});

test('a wrong password is said, and the form can be tried again', async () => {
  const tab = await world.tab(await world.visitor());
  await tab.signIn('anna', 'not her password');
  await tab.page.getByText('The user name or the password is wrong.').waitFor();
  expect(await tab.page.getByLabel('User name').evaluate((e) => e === document.activeElement)).toBe(
    true,
  );
  await tab.signIn('anna');
  await tab.reaches('live');
});

test('signing out ends every tab of the session, and a reload stays signed out', async () => {
  const [first, second] = await world.twoTabs('ben');
  await first.signOut();
  await first.page.getByRole('button', { name: 'Sign in' }).waitFor();
  await second.page.getByText('Your session has ended.').waitFor();
  await first.page.reload();
  await first.page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await first.page.getByRole('heading', { name: 'Tasks' }).count()).toBe(0);
});

test('the page speaks Afrikaans to whoever reads it, and can be told to speak English', async () => {
  const tab = await world.tab(await world.visitor('af-ZA'));
  await tab.page.getByRole('button', { name: 'Meld aan' }).waitFor();
  expect(await tab.page.locator('html').getAttribute('lang')).toBe('af');
  await tab.page.getByRole('combobox', { name: 'Taal' }).selectOption('English');
  await tab.page.getByRole('button', { name: 'Sign in' }).waitFor();
});

test('everything can be done with the keyboard', async () => {
  const tab = await world.tab(await world.visitor());
  const { keyboard } = tab.page;
  await tab.page.getByLabel('User name').waitFor();
  await keyboard.type('anna');
  await keyboard.press('Tab');
  await keyboard.type('a password for these tests only');
  await keyboard.press('Enter');
  await tab.reaches('live');
  await tab.page.getByLabel('New task').focus();
  await keyboard.type('By hand');
  await keyboard.press('Enter');
  await tab.hasStatus('By hand', 'todo');
  await tab.status('By hand').focus();
  await keyboard.press('ArrowDown');
  await tab.hasStatus('By hand', 'doing');
});
