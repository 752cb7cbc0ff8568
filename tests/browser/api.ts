/** A program that acts as one of the organisation's members, beside the browser. */
import { password } from './server.js';

export interface Task {
  id: number;
  title: string;
  status: string;
}

export class Api {
  #access = '';

  constructor(
    private readonly url: () => string,
    private readonly username: string,
  ) {}

  async createTask(title: string): Promise<Task> {
    return (await this.#call('POST', 'orgs/demo/tasks', { title })) as Task;
  }

  async setStatus(id: number, status: string): Promise<void> {
    await this.#call('PATCH', `orgs/demo/tasks/${id}`, { status });
  }

  /** The numbers of all events after `since`. */
  async seqsAfter(since: number): Promise<number[]> {
    const page = (await this.#call('GET', `orgs/demo/notifications?since=${since}&limit=200`)) as {
      results: { seq: number }[];
    };
    return page.results.map(({ seq }) => seq);
  }

  async head(): Promise<number> {
    const page = await this.#call('GET', 'orgs/demo/notifications?limit=1');
    return (page as { head: number }).head;
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    if (this.#access === '') await this.#signIn();
    const response = await fetch(`${this.url()}/api/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#access}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async #signIn(): Promise<void> {
    const response = await fetch(`${this.url()}/api/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: this.username, password }),
    });
    if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`);
    this.#access = ((await response.json()) as { access: string }).access;
  }
}
