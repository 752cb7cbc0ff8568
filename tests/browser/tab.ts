/** One browser tab with the page in it, as a person sees it; and a watch on what must never happen there. */
import type { BrowserContext, CDPSession, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { password } from './server.js';

export class Tab {
  /** Reports of the content policy, dialogs, and errors that no code caught. */
  readonly incidents: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly cdp: CDPSession,
  ) {}

  static async open(context: BrowserContext, url: string, prepare?: (page: Page) => Promise<void>) {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const tab = new Tab(page, await context.newCDPSession(page));
    await tab.#watch();
    await prepare?.(page);
    await page.goto(url);
    return tab;
  }

  async signIn(username: string, secret = password): Promise<void> {
    await this.page.getByLabel('User name').fill(username);
    await this.page.getByLabel('Password').fill(secret);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  get connection(): Locator {
    return this.page.getByRole('status', { name: 'Connection' });
  }

  async reaches(status: string, timeout = 20_000): Promise<void> {
    await this.page.locator(`.connection[data-status="${status}"]`).waitFor({ timeout });
  }

  async transport(): Promise<string | null> {
    return this.connection.getAttribute('data-transport');
  }

  /** The `seq` of every notification that is shown, oldest first. */
  async seqs(): Promise<number[]> {
    const shown = await this.page
      .locator('.notifications li')
      .evaluateAll((items) => items.map((item) => Number(item.getAttribute('data-seq'))));
    return shown.reverse();
  }

  async showsSeq(seq: number, timeout = 20_000): Promise<void> {
    await this.page.locator(`.notifications li[data-seq="${seq}"]`).waitFor({ timeout });
  }

  async addTask(title: string): Promise<void> {
    await this.page.getByLabel('New task').fill(title);
    await this.page.getByRole('button', { name: 'Add' }).click();
  }

  status(title: string): Locator {
    return this.page.getByRole('combobox', { name: `Status of ${title}`, exact: true });
  }

  async choose(title: string, status: 'To do' | 'Doing' | 'Done'): Promise<void> {
    await this.status(title).selectOption(status);
  }

  async hasStatus(title: string, status: string): Promise<void> {
    await expect.poll(() => this.status(title).inputValue(), { timeout: 10_000 }).toBe(status);
  }

  async signOut(): Promise<void> {
    await this.page.getByRole('button', { name: 'Sign out' }).click();
  }

  /** Pulls the plug: an open WebSocket stays open and hears nothing any more. */
  async offline(offline: boolean): Promise<void> {
    await this.cdp.send('Network.emulateNetworkConditions', {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  }

  async #watch(): Promise<void> {
    const { page } = this;
    page.on('dialog', (dialog) => {
      this.incidents.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('pageerror', (error) => this.incidents.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) this.incidents.push(message.text());
    });
    await page.exposeFunction('reportViolation', (what: string) => this.incidents.push(what));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        const told = `policy: ${event.violatedDirective} ${event.blockedURI}`;
        (window as unknown as { reportViolation(what: string): void }).reportViolation(told);
      });
    });
    await this.cdp.send('Network.enable');
  }
}
