/** The real server with its demo organisation, in a folder of its own and on a free port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../..');
export const password = 'a password for these tests only';

function program(): string {
  const file = path.resolve(root, process.env['INDABA_BINARY'] ?? 'build/release/indaba');
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: build it, or name another one with INDABA_BINARY`);
  }
  return file;
}

export class Server {
  url = '';
  #folder = '';
  #process: ChildProcess | undefined;
  readonly #log: string[] = [];

  async start(): Promise<void> {
    this.#folder = await mkdtemp(path.join(tmpdir(), 'indaba-browser-'));
    await this.#run('127.0.0.1:0');
  }

  /** Kills it without warning, and starts it again on the same data and port. */
  async restart(whileDown: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.#end('SIGKILL');
    await whileDown();
    await this.#run(new URL(this.url).host);
  }

  /** Of the embedded database: to be opened by others only while the server is down. */
  get database(): string {
    return path.join(this.#folder, 'indaba.db');
  }

  async stop(): Promise<void> {
    try {
      await this.#end('SIGTERM');
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  async #run(listen: string): Promise<void> {
    const process_ = spawn(
      program(),
      ['serve', '--demo', '--data', this.#folder, '--listen', listen],
      {
        cwd: this.#folder,
        env: {
          ...process.env,
          INDABA_DEMO_PASSWORD: password,
          RATE_LIMITS_ENABLED: 'false',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#process = process_;
    process_.stderr.setEncoding('utf8').on('data', (text: string) => this.#log.push(text));
    const timer = setTimeout(() => process_.kill('SIGKILL'), 20_000);
    for await (const line of createInterface(process_.stdout)) {
      const ready = /^listening on (http:\/\/\S+)$/.exec(line);
      if (!ready?.[1]) continue;
      clearTimeout(timer);
      // Read on, so that the pipe never fills.
      process_.stdout.resume();
      this.url = ready[1];
      return;
    }
    clearTimeout(timer);
    throw new Error(`the server did not get ready:\n${this.#log.slice(-50).join('')}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running) return;
    if (running.exitCode !== null || running.signalCode !== null) {
      const how = running.signalCode ?? `code ${running.exitCode ?? ''}`;
      throw new Error(`the server ended by itself (${how}):\n${this.#log.slice(-50).join('')}`);
    }
    const exit = once(running, 'exit');
    running.kill(signal);
    await exit;
  }
}
