import type { Client } from '@indaba/client';
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useAdmin, type Export, type Job } from '../src/stores/admin';

vi.mock('../src/i18n', () => ({
  i18n: { global: { locale: { value: 'en' }, t: (key: string) => key } },
}));

interface Call {
  line: string;
  answer(status: number, body?: unknown): void;
}

/** Stands for a subscription of the client: what it was made with, and a way to say something on it. */
class Follower {
  readonly #handlers: [string, (what: unknown) => void][] = [];
  left = false;

  constructor(
    readonly stream: string,
    readonly options: unknown,
  ) {}

  on(name: string, handler: (what: unknown) => void): void {
    this.#handlers.push([name, handler]);
  }

  unsubscribe(): void {
    this.left = true;
  }

  tell(name: string, what: unknown): void {
    for (const [of, handler] of this.#handlers) if (of === name) handler(what);
  }
}

let calls: Call[] = [];
let followers: Follower[] = [];
const me = 7;

beforeEach(() => {
  setActivePinia(createPinia());
  calls = [];
  followers = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    return new Promise((resolve) => {
      calls.push({
        line: `${init.method ?? 'GET'} ${path.replace('/api/v1/', '')}`,
        answer: (status, body) => resolve(new Response(JSON.stringify(body), { status })),
      });
    });
  });
});

afterEach(() => void vi.unstubAllGlobals());

function opened() {
  const admin = useAdmin();
  const client = {
    subscription: () => undefined,
    subscribe: (stream: string, options?: unknown) => {
      const made = new Follower(stream, options);
      followers.push(made);
      return made;
    },
  };
  admin.open(client as unknown as Client, 'acme', me);
  return admin;
}

/** The next request, which must be this one. */
async function asked(line: string): Promise<Call> {
  await vi.waitFor(() => expect(calls.map((call) => call.line)).toContain(line));
  const at = calls.findIndex((call) => call.line === line);
  return calls.splice(at, 1)[0] as Call;
}

function exported(job_id: number, status: Export['status'], more: Partial<Export> = {}): Export {
  return {
    job_id,
    task_id: `task-${job_id}`,
    kind: 'tasks_csv',
    status,
    lines: 0,
    bytes: 0,
    requested_by: me,
    created_at: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

function job(id: number, status = 'done', more: Partial<Job> = {}): Job {
  return {
    id,
    task: 'orgs.export',
    status,
    failures: 0,
    cancelling: false,
    progress: 0,
    note: '',
    created_at: '2026-01-01T00:00:00.000Z',
    due_at: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

const done = (job_id: number) => ({
  type: 'export_done',
  stream: 'orgs/acme/notifications',
  job_id,
});

async function listing(admin: ReturnType<typeof useAdmin>, results: Export[]): Promise<void> {
  const loading = admin.loadExports();
  (await asked('GET orgs/acme/exports')).answer(200, { results });
  await loading;
}

test('an export that ended before its stream was followed is seen to have ended', async () => {
  const admin = opened();
  await listing(admin, [exported(1, 'running')]);
  expect(followers.map(({ stream, options }) => [stream, options])).toEqual([
    ['tasks/task-1', { last: 1 }],
  ]);
  followers[0]?.tell('live', true);
  (await asked('GET orgs/acme/exports/1')).answer(200, exported(1, 'done'));
  await vi.waitFor(() => expect(admin.exports[0]?.status).toBe('done'));
  expect(followers[0]?.left).toBe(true);
});

test('an answer that a newer one has overtaken changes nothing', async () => {
  const admin = opened();
  await listing(admin, [exported(1, 'running')]);
  followers[0]?.tell('live', true);
  const older = await asked('GET orgs/acme/exports/1');
  followers[0]?.tell('event', { type: 'task_ended' });
  (await asked('GET orgs/acme/exports/1')).answer(200, exported(1, 'done'));
  await vi.waitFor(() => expect(admin.exports[0]?.status).toBe('done'));
  older.answer(200, exported(1, 'running'));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(admin.exports[0]?.status).toBe('done');
});

test('the end of an export is heard where the list is empty', async () => {
  const admin = opened();
  await listing(admin, []);
  admin.apply(done(3));
  (await asked('GET orgs/acme/exports/3')).answer(200, exported(3, 'done', { requested_by: 8 }));
  await vi.waitFor(() => expect(admin.exports.map(({ job_id }) => job_id)).toEqual([3]));
});

test('the end of an export is heard while the list is being read', async () => {
  const admin = opened();
  const loading = admin.loadExports();
  const list = await asked('GET orgs/acme/exports');
  for (const id of [1, 2, 3]) admin.apply(done(id));
  list.answer(200, {
    results: [exported(1, 'running', { requested_by: 8 }), exported(2, 'done')],
  });
  await loading;
  (await asked('GET orgs/acme/exports/1')).answer(200, exported(1, 'failed', { requested_by: 8 }));
  // Told again by a replay, and gone since: nothing to show, and nothing to complain of.
  (await asked('GET orgs/acme/exports/3')).answer(404, { detail: 'There is no such export.' });
  await vi.waitFor(() => expect(admin.exports[1]?.status).toBe('failed'));
  expect(admin.exports.map(({ job_id }) => job_id)).toEqual([2, 1]);
  expect(calls).toEqual([]);
  expect(admin.problem).toBe('');
});

test('nothing is asked for before the list is wanted', () => {
  const admin = opened();
  admin.apply(done(1));
  expect(calls).toEqual([]);
});

test('older jobs are read behind the newer ones', async () => {
  const admin = opened();
  void admin.loadJobs();
  (await asked('GET admin/jobs?org=acme')).answer(200, { results: [job(9)], next_cursor: 'a=' });
  await vi.waitFor(() => expect(admin.olderJobs).toBe('a='));
  void admin.loadOlderJobs();
  (await asked('GET admin/jobs?org=acme&cursor=a%3D')).answer(200, { results: [job(4)] });
  await vi.waitFor(() => expect(admin.jobs.map(({ id }) => id)).toEqual([9, 4]));
  expect(admin.olderJobs).toBeUndefined();
});

test('what runs is read again, and older jobs stay where they are', async () => {
  const admin = opened();
  void admin.loadJobs();
  const first = { results: [job(9, 'running'), job(8)], next_cursor: 'a' };
  (await asked('GET admin/jobs?org=acme')).answer(200, first);
  await vi.waitFor(() => expect(admin.stirring).toBe(true));
  void admin.loadOlderJobs();
  (await asked('GET admin/jobs?org=acme&cursor=a')).answer(200, {
    results: [job(4)],
    next_cursor: 'b',
  });
  await vi.waitFor(() => expect(admin.jobs.length).toBe(3));
  const polling = admin.pollJobs();
  void admin.pollJobs(); // one at a time
  const results = [job(10, 'done'), job(9, 'running', { progress: 0.5, note: '1 of 2' })];
  (await asked('GET admin/jobs?org=acme&limit=50')).answer(200, { results, next_cursor: 'c' });
  await polling;
  expect(admin.jobs.map(({ id }) => id)).toEqual([10, 9, 8, 4]);
  expect(admin.jobs[1]?.note).toBe('1 of 2');
  expect(admin.olderJobs).toBe('b');
  expect(calls).toEqual([]);
});

test('what is scheduled for later is no reason to read again', async () => {
  const admin = opened();
  const later = (ms: number) => ({ due_at: new Date(Date.now() + ms).toISOString() });
  for (const [due, stirring] of [
    [later(3_600_000), false],
    [later(5_000), true],
  ] as const) {
    void admin.loadJobs();
    (await asked('GET admin/jobs?org=acme')).answer(200, { results: [job(1, 'scheduled', due)] });
    await vi.waitFor(() => expect(admin.jobs[0]?.due_at).toBe(due.due_at));
    expect(admin.stirring).toBe(stirring);
  }
});

test('an export that is tried again is read again', async () => {
  const admin = opened();
  await listing(admin, [exported(1, 'failed')]);
  void admin.change(1, 'retry');
  (await asked('POST admin/jobs/1/retry')).answer(200, job(1, 'ready'));
  (await asked('GET orgs/acme/exports/1')).answer(200, exported(1, 'queued'));
  await vi.waitFor(() => expect(admin.exports[0]?.status).toBe('queued'));
  expect(followers.length).toBe(1);
});
