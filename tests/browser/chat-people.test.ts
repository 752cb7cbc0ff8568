import { test } from 'vitest';
import { ChatTab } from './chat-tab.js';
import { World } from './world.js';

const world = new World();

test('who types is shown to the others, and no longer than they type', async () => {
  await world.owner.makeRoom('general');
  const anna = await world.signedIn('anna');
  const ben = await world.signedIn('ben');
  const [annas, bens] = [new ChatTab(anna.page), new ChatTab(ben.page)];
  await annas.open('general');
  await bens.open('general');
  await anna.reaches('live');
  await ben.reaches('live');
  const line = annas.page.locator('.typing');
  await bens.field.pressSequentially('hello');
  await line.getByText('ben is typing…').waitFor({ timeout: 2_000 });
  await bens.field.press('Enter');
  await annas.shows(['hello']);
  await line.getByText('typing').waitFor({ state: 'detached', timeout: 2_000 });
  // One whose tab is closed in the middle of a word ends by itself.
  await bens.field.pressSequentially('and');
  await line.getByText('ben is typing…').waitFor({ timeout: 2_000 });
  await ben.page.close();
  await line.getByText('typing').waitFor({ state: 'detached', timeout: 10_000 });
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
  await dot('online').waitFor({ timeout: 5_000 });
  await carla.page.close();
  await dot('offline').waitFor({ timeout: 25_000 });
});
