/** A server and a browser for one test file, and fresh, separate visitors for each test. */
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Api } from './api.js';
import { Server } from './server.js';
import { Tab } from './tab.js';

const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A tab in the background is still a person's tab: its timers run.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
];

const patience = Number(process.env['INDABA_TEST_PATIENCE'] ?? 4);

/** How long a test waits for what the product promises within so many milliseconds: a shared machine decides no test. */
export function promised(milliseconds: number): number {
  return milliseconds * patience;
}

export class World {
  readonly server = new Server();
  readonly api = new Api(() => this.server.url, 'carla');
  /** The organisation's owner. */
  readonly owner = new Api(() => this.server.url, 'anna');
  #browser: Browser | undefined;
  #contexts: BrowserContext[] = [];
  #tabs: Tab[] = [];

  constructor() {
    beforeAll(async () => {
      await this.server.start();
      this.#browser = await chromium.launch({
        executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
        args: flags,
      });
    });
    afterEach(async () => {
      const incidents = this.#tabs.flatMap((tab) => tab.incidents);
      for (const context of this.#contexts) await context.close();
      this.#contexts = [];
      this.#tabs = [];
      expect(incidents).toEqual([]);
    });
    afterAll(async () => {
      await this.#browser?.close();
      await this.server.stop();
    });
  }

  /** A visitor with cookies of their own; English, unless said otherwise. */
  async visitor(locale = 'en-ZA'): Promise<BrowserContext> {
    if (!this.#browser) throw new Error('the browser is not started yet');
    const context = await this.#browser.newContext({ locale });
    this.#contexts.push(context);
    return context;
  }

  async tab(context: BrowserContext, prepare?: (page: Page) => Promise<void>): Promise<Tab> {
    const tab = await Tab.open(context, this.server.url, prepare);
    this.#tabs.push(tab);
    return tab;
  }

  /** A visitor of their own, signed in, with everything loaded. */
  async signedIn(username: string, prepare?: (page: Page) => Promise<void>): Promise<Tab> {
    const tab = await this.tab(await this.visitor(), prepare);
    await tab.signIn(username);
    await tab.page.getByRole('heading', { name: 'Tasks' }).waitFor();
    return tab;
  }

  /** One visitor with two tabs. The second is opened once the first is signed in: it asks only once who is there. */
  async twoTabs(username: string): Promise<[Tab, Tab]> {
    const first = await this.signedIn(username);
    await first.reaches('live');
    const second = await this.tab(first.page.context());
    await second.reaches('live');
    return [first, second];
  }
}
