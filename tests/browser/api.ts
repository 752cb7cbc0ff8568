/** A program that acts as one of the organisation's members, beside the browser. */
import { password } from './server.js';

export interface Task {
  id: number;
  title: string;
  status: string;
}

export interface Message {
  id: number;
  seq: number;
  body: string;
}

interface Export {
  job_id: number;
  status: string;
  download_url?: string | null;
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

  async makeRoom(slug: string): Promise<void> {
    await this.#call('POST', 'orgs/demo/rooms', { slug, name: slug });
  }

  async say(room: string, body: string): Promise<Message> {
    return (await this.#call('POST', `orgs/demo/rooms/${room}/messages`, { body })) as Message;
  }

  /** Everything that was said, oldest first. */
  async said(room: string): Promise<string[]> {
    const path = `orgs/demo/rooms/${room}/messages?limit=200`;
    const { messages } = (await this.#call('GET', path)) as { messages: Message[] };
    return messages.map(({ body }) => body).reverse();
  }

  async setRole(username: string, role: string): Promise<void> {
    const { results } = (await this.#call('GET', 'orgs/demo/members')) as {
      results: { user_id: number; username: string }[];
    };
    const found = results.find((member) => member.username === username);
    if (!found) throw new Error(`${username} is no member`);
    await this.#call('PATCH', `orgs/demo/members/${found.user_id}`, { role });
  }

  /** Begun: the number of its job. */
  async startExport(kind: string): Promise<number> {
    const made = (await this.#call('POST', 'orgs/demo/exports', { kind })) as Export;
    return made.job_id;
  }

  /** Made, and ready: the path to download it from. */
  async export(kind: string): Promise<string> {
    let made = (await this.#call('POST', 'orgs/demo/exports', { kind })) as Export;
    while (made.status === 'queued' || made.status === 'running') {
      await new Promise((resolve) => setTimeout(resolve, 20));
      made = (await this.#call('GET', `orgs/demo/exports/${made.job_id}`)) as Export;
    }
    if (!made.download_url) throw new Error(`the export is ${made.status}`);
    return made.download_url;
  }

  async unread(room: string): Promise<number | undefined> {
    const { orgs } = (await this.#call('GET', 'me/unread')) as {
      orgs: { slug: string; rooms: { slug: string; unread: number }[] }[];
    };
    return orgs[0]?.rooms.find(({ slug }) => slug === room)?.unread;
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
