import { test } from 'vitest';
import { ChatTab } from './chat-tab.js';
import { World } from './world.js';

const world = new World();

test('who types is shown to the others, and no longer than they type', async () => {
  const anna = await world.signedIn('anna');
  const ben = await world.signedIn('ben');
  const [annas, bens] = [new ChatTab(anna.page), new ChatTab(ben.page)];
  await annas.open('general');
  await bens.open('general');
  await anna.reaches('live');
  await ben.reaches('live');
  const line = (text: string) => annas.page.locator('.typing').filter({ hasText: text });
  await bens.field.pressSequentially('hello');
  await line('ben is typing…').waitFor();
  await bens.field.press('Enter');
  await annas.shows(['hello']);
  // Sooner than the 6 s after which it would end by itself.
  await line('typing').waitFor({ state: 'detached', timeout: 4_000 });
  // One whose tab is closed in the middle of a word ends by itself.
  await bens.field.pressSequentially('and');
  await line('ben is typing…').waitFor();
  await ben.page.close();
  await line('typing').waitFor({ state: 'detached' });
});

test('who is online has a dot, and loses it a while after they have left', async () => {
  await world.owner.makeRoom('presence');
  await world.api.say('presence', 'hello');
  const anna = await world.signedIn('anna');
  const chat = new ChatTab(anna.page);
  await chat.open('presence');
  await anna.reaches('live');
  const dot = (status: string) =>
    anna.page.locator(`.message [data-user="carla"][data-presence="${status}"]`);
  await dot('offline').waitFor();
  const carla = await world.signedIn('carla');
  await carla.reaches('live');
  await dot('online').waitFor();
  await carla.page.close();
  await dot('offline').waitFor({ timeout: 40_000 });
});

test('two people talk to each other, and see what was delivered and read', async () => {
  const ben = await world.signedIn('ben');
  await ben.reaches('live');
  const anna = await world.signedIn('anna');
  await anna.reaches('live');
  const [annas, bens] = [new ChatTab(anna.page), new ChatTab(ben.page)];
  await anna.page.getByRole('button', { name: /^Chat/ }).click();
  await anna.page.getByRole('button', { name: 'Write to ben' }).click();
  await annas.write('are you there?');
  await annas.allSent();
  await ben.page.getByRole('button', { name: /^Chat/ }).click();
  const from = ben.page.locator('.rooms [data-room^="@"]', { hasText: 'anna' });
  await from.click();
  await bens.shows(['are you there?']);
  await anna.page.locator('[data-reached="read"]').waitFor();
  await bens.write('yes');
  await annas.shows(['are you there?', 'yes']);
  await bens.allSent();
});
