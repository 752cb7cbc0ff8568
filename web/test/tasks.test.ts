import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useTasks, type Task } from '../src/stores/tasks';

vi.mock('../src/i18n', () => ({
  i18n: {
    global: {
      locale: { value: 'en' },
      t: (key: string, values?: { reason: string }) => (values ? values.reason : key),
    },
  },
}));

interface Call {
  method: string;
  path: string;
  body: unknown;
  answer(status: number, body?: unknown): void;
  fail(): void;
}

let calls: Call[] = [];
const first: Task = { id: 1, title: 'First', status: 'todo' };

beforeEach(() => {
  setActivePinia(createPinia());
  calls = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    return new Promise((resolve, reject) => {
      calls.push({
        method: init.method ?? 'GET',
        path,
        body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
        answer: (status, body) => resolve(new Response(JSON.stringify(body), { status })),
        fail: () => reject(new TypeError('fetch failed')),
      });
    });
  });
});

afterEach(() => void vi.unstubAllGlobals());

async function next(n: number): Promise<Call> {
  await vi.waitFor(() => expect(calls.length).toBeGreaterThanOrEqual(n));
  return calls[n - 1] as Call;
}

async function loaded() {
  const tasks = useTasks();
  const loading = tasks.load('acme');
  (await next(1)).answer(200, { results: [first] });
  await loading;
  return tasks;
}

function moved(to: string, id = 1) {
  return {
    type: 'task_event',
    stream: 'orgs/acme/notifications',
    seq: 1,
    task_id: id,
    action: 'status_changed',
    details: { from: 'todo', to },
  };
}

test('a change of status shows at once and stays when it is confirmed', async () => {
  const tasks = await loaded();
  const saving = tasks.setStatus(1, 'done');
  expect(tasks.list[0]).toMatchObject({ wanted: 'done', status: 'todo' });
  (await next(2)).answer(200, { ...first, status: 'done' });
  await saving;
  expect(tasks.list[0]).toMatchObject({ wanted: undefined, status: 'done' });
});

test('a change that is refused is taken back and its reason is shown', async () => {
  const tasks = await loaded();
  const saving = tasks.setStatus(1, 'done');
  (await next(2)).answer(403, { code: 'forbidden', detail: 'not yours' });
  await saving;
  expect(tasks.list[0]).toMatchObject({ wanted: undefined, status: 'todo', error: 'not yours' });
});

test('two changes in a row are sent one after the other, and the last one counts', async () => {
  const tasks = await loaded();
  const saving = tasks.setStatus(1, 'doing');
  void tasks.setStatus(1, 'done');
  expect(calls).toHaveLength(2);
  (await next(2)).answer(200, { ...first, status: 'doing' });
  const second = await next(3);
  expect(second.body).toEqual({ status: 'done' });
  second.answer(200, { ...first, status: 'done' });
  await saving;
  expect(tasks.list[0]).toMatchObject({ status: 'done' });
});

test('a change by someone else does not undo what is on its way', async () => {
  const tasks = await loaded();
  const saving = tasks.setStatus(1, 'done');
  tasks.apply(moved('doing'));
  expect(tasks.list[0]).toMatchObject({ wanted: 'done', status: 'doing' });
  (await next(2)).fail();
  await saving;
  expect(tasks.list[0]).toMatchObject({ status: 'doing', error: 'error.network' });
});

test('what happens while the list is read is applied to it afterwards', async () => {
  const tasks = useTasks();
  const loading = tasks.load('acme');
  tasks.apply(moved('doing'));
  (await next(1)).answer(200, { results: [first] });
  await loading;
  expect(tasks.list[0]).toMatchObject({ status: 'doing' });
});

test('a new task stands last until it is saved, and once it is there it is there once', async () => {
  const tasks = await loaded();
  const creating = tasks.create('Second');
  expect(tasks.list.map(({ title }) => title)).toEqual(['First', 'Second']);
  const created = { id: 2, title: 'Second', status: 'todo' };
  tasks.apply({ ...moved('todo', 2), action: 'created', details: {} });
  (await next(3)).answer(200, created);
  (await next(2)).answer(201, created);
  expect(await creating).toBe(true);
  expect(tasks.list.map(({ id }) => id)).toEqual([1, 2]);
});

test('a new task that is refused disappears with a reason', async () => {
  const tasks = await loaded();
  const creating = tasks.create('x');
  (await next(2)).answer(422, { code: 'invalid', detail: 'too long' });
  expect(await creating).toBe(false);
  expect(tasks.list).toHaveLength(1);
  expect(tasks.problem).toBe('too long');
});

test('every page of a long list is read', async () => {
  const tasks = useTasks();
  const loading = tasks.load('acme');
  (await next(1)).answer(200, { results: [first], next_cursor: 'a b' });
  const second = await next(2);
  expect(second.path).toBe('/api/v1/orgs/acme/tasks?limit=200&cursor=a%20b');
  second.answer(200, { results: [{ ...first, id: 2 }], next_cursor: null });
  await loading;
  expect(tasks.list.map(({ id }) => id)).toEqual([1, 2]);
});
