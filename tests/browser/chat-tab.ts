/** The chat in a tab, as a person sees it. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

export class ChatTab {
  constructor(readonly page: Page) {}

  /** Shows a room, and waits until its messages are there. */
  async open(room: string): Promise<void> {
    await this.page.getByRole('button', { name: /^Chat/ }).click();
    await this.entry(room).click();
    await this.page.locator(`[data-room-open="${room}"] .messages[aria-busy="false"]`).waitFor();
  }

  /** The room in the list. */
  entry(room: string): Locator {
    return this.page.locator(`.rooms [data-room="${room}"]`);
  }

  get field(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  get box(): Locator {
    return this.page.locator('.messages');
  }

  async write(body: string): Promise<void> {
    await this.field.fill(body);
    await this.field.press('Enter');
    await this.message(body).last().waitFor();
  }

  message(body: string): Locator {
    return this.page.locator('.message', { has: this.page.getByText(body, { exact: true }) });
  }

  async bodies(): Promise<string[]> {
    return this.page.locator('.message .body').allTextContents();
  }

  async seqs(): Promise<number[]> {
    return this.page
      .locator('.message[data-seq]')
      .evaluateAll((items) => items.map((item) => Number(item.getAttribute('data-seq'))));
  }

  async shows(bodies: string[], timeout = 10_000): Promise<void> {
    await expect.poll(() => this.bodies(), { timeout }).toEqual(bodies);
  }

  /** All that is shown has a place of its own on the server. */
  async allSent(timeout = 20_000): Promise<void> {
    await expect
      .poll(() => this.page.locator('.message:not([data-state="sent"])').count(), { timeout })
      .toBe(0);
  }

  async hasUnread(room: string, count: number, timeout = 10_000): Promise<void> {
    await expect
      .poll(() => this.entry(room).getAttribute('data-unread'), { timeout, interval: 20 })
      .toBe(String(count));
  }

  async act(body: string, name: string): Promise<void> {
    const message = this.message(body);
    await message.hover();
    await message.getByRole('button', { name, exact: true }).click();
  }
}

/** A page that a test makes look away: its focus is what `window.attention` says. */
export async function withAttention(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const attention = window as unknown as { attention?: boolean };
    document.hasFocus = () => attention.attention !== false;
  });
}

export async function turn(page: Page, attention: boolean): Promise<void> {
  await page.evaluate((value) => {
    (window as unknown as { attention?: boolean }).attention = value;
    dispatchEvent(new Event(value ? 'focus' : 'blur'));
  }, attention);
}
